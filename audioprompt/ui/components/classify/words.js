// A label that was translated: a click puts the English in its place, selected, so that other words can be typed at once.
const EDGE = /^$|[\s,;，；、"[\]]/;
function find(text, label) {  // where the label stands by itself, -1 if nowhere
    let start = -1;
    do start = text.indexOf(label, start + 1);
    while (start >= 0 && !(EDGE.test(text[start - 1] ?? '') && EDGE.test(text[start + label.length] ?? '')));
    return start;
}
element.addEventListener('click', (event) => {
    const button = event.target.closest('[data-english]');
    const field = document.querySelector('#labels textarea');
    if (!button || !field) return;
    const {label, english} = button.dataset;
    const start = find(field.value, label);
    if (start < 0) return;
    field.setRangeText(english, start, start + label.length);
    field.dispatchEvent(new Event('input', {bubbles: true}));
    field.focus();
    field.setSelectionRange(start, start + english.length);
});
