// What the Curate tab does in the browser: which row is selected, keys, and how clicks become events.
//
// The selection belongs to the browser, so that it moves at once. What is to be done is sent one parcel at a time, and
// while an answer is under way the next parcel fills: decisions taken faster than they are answered keep their order.

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
const table = () => element.querySelector('table[data-edition]');
const shown = () => element.offsetParent !== null;

function mark(row, reveal) {
    for (const other of rows()) other.setAttribute('aria-selected', other === row);
    if (!row) return;
    selected = row.dataset.template;
    place = rows().indexOf(row);
    sessionStorage.setItem(KEY, selected);
    if (reveal) row.scrollIntoView({block: 'nearest'});
}

const below = () => document.querySelector('#curate-foot .foot')?.dataset.turn ?? '';

function look() {
    clearTimeout(looking);
    looking = setTimeout(() => { trigger('look', {selected, turn: below()}); weigh(); }, PAUSE);
}

function weigh(way) {  // where the fold below is open, and shows another way to answer or another selection
    const fold = document.querySelector('#curate-answers details[open]');
    const shown = fold?.querySelector('.ways [aria-pressed=true]')?.dataset.key ?? '';
    if (!fold || ((way ?? shown) === shown && fold.dataset.turn === table()?.dataset.turn)) return;
    trigger('answer', {way: way ?? shown});
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
    trigger('act', {acts: pending.splice(0)});
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

function settle(go) {
    clearTimeout(waiting);
    waiting = 0;
    const row = (go && rowOf(go)) || rowOf(selected) || rows()[Math.min(place, rows().length - 1)];
    mark(row, Boolean(go));
    stamp();
    const panel = document.querySelector('#curate-side .side');
    const known = panel?.dataset.template === selected && below() === table()?.dataset.turn;
    if (table() && !known && !pending.length) look();
    send();
}

// --- what decisions change, put into the table that is there --------------------------------------------------------

const STATUSES = {a: 'approved', r: 'rejected', c: 'candidate'}, VERBS = {a: 'approve', r: 'reject', c: 'clear'};

function judge(row, status) {
    row.dataset.status = status;
    for (const button of row.querySelectorAll('.verdict-buttons button')) {
        const own = button.className;
        button.dataset.do = own === status ? 'candidate' : own;
        button.setAttribute('aria-pressed', own === status);
    }
}

function gain(row, tenths) {
    const points = row.querySelector('.gain span');
    points.className = tenths > 0 ? 'more' : tenths < 0 ? 'less' : 'even';
    points.textContent = (tenths > 0 ? '+' : tenths < 0 ? '\u2212' : '') + (Math.abs(tenths) / 10).toFixed(1);
}

function propose(row, verb) {
    row.querySelector('.proposed')?.remove();
    if (!verb) return;
    const mark = document.createElement('em');
    mark.className = 'proposed';
    mark.textContent = verb;
    row.querySelector('.prompt > span').after(mark);
}

function apply({edition, turn, version, statuses, gains, proposed, go}) {
    const all = rows(), shown = table();
    if (shown?.dataset.edition !== edition || all.length !== statuses.length) return trigger('redraw');
    all.forEach((row, k) => {
        judge(row, STATUSES[statuses[k]]);
        gain(row, gains[k]);
        propose(row, VERBS[proposed[k]]);
    });
    Object.assign(shown.dataset, {turn, version});
    settle(go);
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
    else if (what === 'way') weigh(key);
    else if (['write', 'edit', 'duplicate'].includes(what)) compose(what);
    else if (row) { mark(row, false); decide(what, [row], false); }
    else if (next) decide(what, [rowOf(selected)], true);
    else if (all) decide(what, rows(), false);
    else act({do: what, key});
}, listening);

document.addEventListener('toggle', (event) => {
    if (event.target.matches?.('#curate-answers details')) weigh();
}, {...listening, capture: true});

const around = setInterval(() => {
    if (shown() && !document.hidden && !waiting) trigger('tick', {version: table()?.dataset.version ?? ''});
}, LOOK_AROUND);
curating.signal.addEventListener('abort', () => clearInterval(around));

window.addEventListener('outbox', stamp, listening);
window.addEventListener('curate-patch', (event) => apply(event.detail), listening);
const drawn = () => settle(table()?.dataset.go);
watch('value', drawn);
drawn();
