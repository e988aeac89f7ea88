const cells = (row, column) => {
    const cell = row.cells[column];
    return cell ? (cell.dataset.value ?? cell.textContent.trim()) : '';
};
const sort = (button) => {
    const heading = button.closest('th'), body = button.closest('table').tBodies[0];
    const down = heading.getAttribute('aria-sort') === 'ascending';
    for (const other of heading.parentNode.cells) other.setAttribute('aria-sort', 'none');
    heading.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const column = Number(button.dataset.sort), numeric = 'numeric' in button.dataset;
    const compare = (one, two) => numeric ? Number(one) - Number(two) : one.localeCompare(two, undefined, {numeric: true});
    const rows = [...body.rows].sort((one, two) => compare(cells(one, column), cells(two, column)));
    body.append(...(down ? rows.reverse() : rows));
};
element.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    if (button.dataset.sort) sort(button);
    if (button.dataset.act) trigger('click', {act: button.dataset.act, numbers: [Number(button.dataset.number ?? -1)]});
});
element.addEventListener('input', (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const row of element.querySelectorAll('tbody tr')) row.hidden = !row.textContent.toLowerCase().includes(wanted);
});
// The map comes and goes with each answer; what is drawn around on it is told as a click on the table is.
const listen = () => {
    const map = document.querySelector('#explore-map .js-plotly-plot');
    if (!map?.on || map.dataset.heard) return;
    map.dataset.heard = '1';
    map.on('plotly_selected', (drawn) => {
        const numbers = (drawn?.points ?? []).map((point) => point.customdata[0]);
        trigger('click', {act: 'select', numbers});
    });
    map.on('plotly_click', (hit) => trigger('click', {act: 'play', numbers: [hit.points[0].customdata[0]]}));
};
const place = document.querySelector('#explore-map');
if (place) new MutationObserver(listen).observe(place, {childList: true, subtree: true});
