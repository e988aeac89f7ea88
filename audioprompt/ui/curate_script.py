"""What the Curate tab does in the browser: which row is selected, keys, and how clicks become events.

The selection belongs to the browser, so that it moves at once. What is to be done is sent one parcel at a time, and
while an answer is under way the next parcel fills: decisions taken faster than they are answered keep their order.

Each decision is in the outbox, which the browser keeps on its disk, until the server says that it is saved. Where no
answer comes, the page says so, and the decision is sent again: when the server is back, or the page is opened again.
"""

OUTBOX_SCRIPT = """
const KEY = 'audioprompt-unsaved', LATE = 2000, SLOW = 30000, STRANGE = 3000, LOOK = 1000;  // ms
const sent = new Map();  // when this page sent each decision last, by its id
const opened = Date.now();
let offline = false, looking = false, storing = true, memory = [], said = '';

function read() {
    if (!storing) return memory;
    try { return JSON.parse(localStorage.getItem(KEY)) ?? []; } catch { return memory; }
}

function write(acts) {
    memory = acts;
    try { localStorage.setItem(KEY, JSON.stringify(acts)); } catch { storing = false; }
    show();
}

const waiting = () => read().filter((act) => !act.refused);
const late = (act) => offline || Date.now() - act.at > LATE;
const change = (ids, how) => write(read().map((act) => ids.has(act.id) ? {...act, ...how} : act));
const drop = (ids) => write(read().filter((act) => !ids.has(act.id)));

function put(act) {
    const made = {...act, id: `${Date.now()}-${Math.random()}`, at: Date.now()};
    write([...read(), made]);
    return made;
}

function sending(acts) {
    for (const act of acts) if (act.id) sent.set(act.id, Date.now());
}

function deliver() {
    const acts = waiting();
    if (!acts.length) return;
    sending(acts);
    trigger('deliver', {acts, selected: ''});
}

function undo(pack) {  // of the last decision that is not saved; where it may have been saved, it is decided back
    const last = waiting().findLast((act) => act.pack === pack && !act.back);
    if (!last) return false;
    drop(new Set([last.id]));
    if (sent.has(last.id) || last.at < opened)
        for (const status of new Set(Object.values(last.before)))
            put({...last, back: true, do: status, on: last.on.filter((text) => last.before[text] === status)});
    return last;
}

async function look() {
    const acts = waiting();
    if (looking || !acts.some((act) => Date.now() - (sent.get(act.id) ?? act.at + STRANGE) > LATE)) return show();
    looking = true;
    const {root, api_prefix, app_id} = window.gradio_config, was_offline = offline;
    try {
        const answer = await fetch(`${root}${api_prefix ?? '/gradio_api'}/app_id`, {cache: 'no-store'});
        if (!answer.ok) throw new Error(answer.status);
        offline = false;
        const slow = acts.some((act) => Date.now() - (sent.get(act.id) ?? 0) > SLOW);  // never sent by this page, too
        if (was_offline || slow || (await answer.json()).app_id !== app_id) deliver();
    } catch { offline = true; }
    looking = false;
    show();
}

function line(words, ...buttons) {
    const made = document.createElement('p');
    made.append(words);
    for (const [name, press] of buttons) {
        const button = document.createElement('button');
        button.type = 'button';
        button.textContent = name;
        button.onclick = press;
        made.append(button);
    }
    return made;
}

function show() {
    const unsaved = waiting().filter(late), refused = read().filter((act) => act.refused);
    const now = JSON.stringify([unsaved.length, refused.map((act) => [act.id, act.refused]), offline]);
    if (now !== said || !element.querySelector('.unsaved-note')) {
        said = now;
        const note = document.createElement('div');
        note.className = 'unsaved-note';
        note.setAttribute('role', 'status');
        const count = unsaved.reduce((sum, act) => sum + act.on.length, 0);
        if (count) note.append(line(
            `${count} ${count === 1 ? 'decision is' : 'decisions are'} not saved yet` +
            `${offline ? ': the server does not answer' : ''}. ` +
            `This browser keeps ${count === 1 ? 'it' : 'them'} and tries again.`,
        ));
        for (const act of refused) note.append(line(
            `Not saved: ${act.do === 'candidate' ? 'cleared' : act.do} “${act.on[0]}”` +
            `${act.on.length > 1 ? ` and ${act.on.length - 1} more` : ''} in ${act.pack}. ${act.refused}`,
            ['Try again', () => { change(new Set([act.id]), {refused: ''}); deliver(); }],
            ['Discard', () => drop(new Set([act.id]))],
        ));
        element.querySelector('.unsaved-note')?.remove();
        element.append(note);
    }
    window.dispatchEvent(new Event('outbox'));
}

function settle() {
    const receipt = JSON.parse(element.querySelector('[data-receipt]')?.dataset.receipt ?? '{}');
    for (const {id, reason, later} of receipt.refused ?? []) change(new Set([id]), {refused: reason, later});
    if (receipt.saved?.length) drop(new Set(receipt.saved));
    show();
}

window.outbox = {put, sending, undo, waiting, late, offline: () => offline};
clearInterval(window.outboxLooks);
window.outboxLooks = setInterval(look, LOOK);
change(new Set(read().filter((act) => act.later).map((act) => act.id)), {refused: '', later: false});
watch('value', settle);
"""

MESSAGE_SCRIPT = """
element.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (button?.dataset.stop) trigger('stop', {job: button.dataset.stop});
    else if (button?.dataset.demonstrate) trigger('demonstrate');
    else if (button?.dataset.remove) trigger('remove', {pack: button.dataset.remove});
    else if (button?.dataset.restore) trigger('restore', {pack: button.dataset.restore});
    else if (button?.dataset.keep) trigger('keep');
});
"""

SCRIPT = """
const PATIENCE = 10000, LOOK_AROUND = 1500, PAUSE = 60;  // ms
const KEY = 'audioprompt-selected-prompt';

window.curating?.abort();
const curating = window.curating = new AbortController();
const listening = {signal: curating.signal};
let selected = sessionStorage.getItem(KEY) ?? '';
let place = 0;  // of the selected row, for when it is gone
let pending = [], waiting = 0, looking = 0;

const rows = () => [...element.querySelectorAll('tr[data-template]')];
const rowOf = (template) => rows().find((row) => row.dataset.template === template);
const table = () => element.querySelector('table[data-turn]');
const shown = () => element.offsetParent !== null;

function mark(row, reveal) {
    for (const other of rows()) other.setAttribute('aria-selected', other === row);
    if (!row) return;
    selected = row.dataset.template;
    place = rows().indexOf(row);
    sessionStorage.setItem(KEY, selected);
    if (reveal) row.scrollIntoView({block: 'nearest'});
}

function look() {
    clearTimeout(looking);
    looking = setTimeout(() => trigger('look', {selected}), PAUSE);
}

function select(row) {
    if (!row) return;
    mark(row, true);
    look();
}

function beside(step) {
    const all = rows(), at = all.indexOf(rowOf(selected));
    return all[Math.min(Math.max(at + step, 0), all.length - 1)];
}

function act(what) {
    if (window.outbox.offline()) {
        const taken = what.do === 'undo' && window.outbox.undo(table().dataset.pack);
        for (const text of taken?.on ?? []) rowOf(text)?.setAttribute('data-status', taken.before[text]);
        return stamp();
    }
    pending.push(what);
    send();
}

function send() {
    if (waiting || !pending.length || window.outbox.offline()) return;
    waiting = setTimeout(() => { waiting = 0; send(); }, PATIENCE);
    clearTimeout(looking);
    window.outbox.sending(pending);
    trigger('act', {acts: pending.splice(0), selected});
}

function decide(status, chosen, next) {
    if (!chosen[0]) return;
    const on = chosen.map((row) => row.dataset.template), {pack, role} = table().dataset;
    const before = Object.fromEntries(chosen.map((row) => [row.dataset.template, row.dataset.status]));
    for (const row of chosen) row.dataset.status = status;  // at once; the answer confirms it
    if (next) mark(beside(1), true);
    const decision = window.outbox.put({do: status, on, before, pack, role});
    if (window.outbox.offline()) return;
    pending.push(decision);
    send();
}

function stamp() {  // show what is decided but not saved yet, for as long as it is not
    const unsaved = new Map();
    for (const act of window.outbox.waiting().filter((act) => act.pack === table()?.dataset.pack))
        for (const text of act.on) unsaved.set(text, act);
    for (const row of rows()) {
        const act = unsaved.get(row.dataset.template), note = row.querySelector('.unsaved');
        if (act) row.dataset.status = act.do;
        if (note && !(act && window.outbox.late(act))) note.remove();
        if (!note && act && window.outbox.late(act)) {
            const made = document.createElement('em');
            made.className = 'unsaved';
            made.textContent = 'not saved yet';
            row.querySelector('.prompt').append(made);
        }
    }
    if (window.outbox.offline()) {  // what it keeps is sent by the outbox
        pending = [];
        clearTimeout(waiting);
        waiting = 0;
    }
}

function settle() {
    clearTimeout(waiting);
    waiting = 0;
    const go = element.querySelector('[data-go]')?.dataset.go;
    const row = (go && rowOf(go)) || rowOf(selected) || rows()[Math.min(place, rows().length - 1)];
    mark(row, Boolean(go));
    stamp();
    const panel = document.querySelector('#curate-side .side');
    if (row && panel?.dataset.template !== selected && !pending.length) look();
    send();
}

function compose(what) {
    trigger('compose', {what, on: selected});
    let tries = 40;
    const found = setInterval(() => {  // the field appears once the server has filled it
        const field = document.querySelector('#curate-composer textarea, #curate-composer input');
        if (field?.offsetParent) { field.focus(); field.scrollIntoView({block: 'nearest'}); }
        if (field?.offsetParent || !--tries) clearInterval(found);
    }, 100);
}

const KEYS = {
    j: () => select(beside(1)), ArrowDown: () => select(beside(1)),
    k: () => select(beside(-1)), ArrowUp: () => select(beside(-1)),
    a: () => decide('approved', [rowOf(selected)], true),
    r: () => decide('rejected', [rowOf(selected)], true),
    c: () => decide('candidate', [rowOf(selected)], true),
    u: () => act({do: 'undo'}), z: () => act({do: 'undo'}), Z: () => act({do: 'redo'}),
};

document.addEventListener('keydown', (event) => {
    if (!shown() || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const busy = 'input, textarea, select, [contenteditable], [role=tablist], [role=listbox], #curate-player';
    if (event.target.closest?.(busy)) return;
    const key = event.key.length > 1 || (event.shiftKey && event.key === 'Z') ? event.key : event.key.toLowerCase();
    if (!(key in KEYS) || (event.repeat && 'arcuzZ'.includes(key))) return;
    event.preventDefault();
    KEYS[key]();
}, listening);

document.addEventListener('click', (event) => {
    const desk = event.target.closest?.('#curate-desk');
    if (!desk) return;
    const row = event.target.closest('tr[data-template]'), button = event.target.closest('[data-do]');
    if (!button) return row && select(row);
    const {do: what, key, all, next, clip} = button.dataset;
    if (what === 'play') trigger('play', {clip});
    else if (what === 'propose') trigger('propose');
    else if (what === 'test') trigger('test');
    else if (['write', 'edit', 'duplicate'].includes(what)) compose(what);
    else if (row) { mark(row, false); decide(what, [row], false); }
    else if (next) decide(what, [rowOf(selected)], true);
    else if (all) decide(what, rows(), false);
    else act({do: what, key});
}, listening);

const around = setInterval(() => {
    if (shown() && !document.hidden && !waiting) trigger('tick');
}, LOOK_AROUND);
curating.signal.addEventListener('abort', () => clearInterval(around));

window.addEventListener('outbox', stamp, listening);
watch('value', settle);
settle();
"""
