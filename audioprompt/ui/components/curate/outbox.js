// Each decision is in the outbox, which the browser keeps on its disk, until the server says that it is saved. Where no
// answer comes, the page says so, and the decision is sent again: when the server is back, or the page is opened again.

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
    trigger('deliver', {acts});
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
