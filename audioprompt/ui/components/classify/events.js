// The table of events is a person's to change: what it says now is read from it whenever something is done with it.
const read = (row) => [...row.querySelectorAll('input')].map((field) => field.value).concat(row.cells[3].textContent);
window.audioprompt.events = () => [...element.querySelectorAll('tbody tr')].map(read);

element.addEventListener('change', () => trigger('edit'));
element.addEventListener('click', (event) => {
    const button = event.target.closest('[data-act]'), row = button?.closest('tr');
    if (!row) return;
    if (button.dataset.act === 'play') return trigger('play', {index: row.sectionRowIndex});
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    next?.querySelector('[data-act=remove]').focus();
    trigger('edit');
});
