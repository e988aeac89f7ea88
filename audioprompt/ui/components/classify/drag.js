// The picture of a clip over time: an edge of an event can be taken with the mouse, and where it is let go is sent to the
// server, which draws it anew. Plotly's own editable shapes lie under what it zooms with, so that they cannot be taken.
const REACH = 6;  // pixels beside an edge
let held = null;
const plotOf = (event) => event.target.closest?.('#timeline .js-plotly-plot');

function place(plot, event) {  // the pointer in pixels of the picture and of the lanes
    const box = plot.getBoundingClientRect(), {xaxis, yaxis2} = plot._fullLayout;
    return {x: event.clientX - box.left - xaxis._offset, y: event.clientY - box.top - yaxis2._offset};
}

function edgeUnder(plot, event) {
    const {xaxis, yaxis2, shapes = []} = plot._fullLayout, {x, y} = place(plot, event);
    for (const [index, shape] of shapes.entries()) {
        if (y < Math.min(yaxis2.d2p(shape.y0), yaxis2.d2p(shape.y1))) continue;
        if (y > Math.max(yaxis2.d2p(shape.y0), yaxis2.d2p(shape.y1))) continue;
        const side = ['x0', 'x1'].find((one) => Math.abs(xaxis.d2p(shape[one]) - x) <= REACH);
        if (side) return {plot, index, side, times: {x0: shape.x0, x1: shape.x1}};
    }
    return null;
}

document.addEventListener('mousedown', (event) => {
    const plot = plotOf(event);
    held = plot?._fullLayout?.yaxis2 && event.button === 0 ? edgeUnder(plot, event) : null;
    if (!held) return;
    event.stopPropagation();
    event.preventDefault();
}, true);

document.addEventListener('mousemove', (event) => {
    const plot = held?.plot ?? plotOf(event);
    if (!plot?._fullLayout?.yaxis2) return;
    plot.classList.toggle('at-edge', Boolean(held || edgeUnder(plot, event)));
    if (!held) return;
    event.stopPropagation();
    const path = plot.querySelectorAll('.shapelayer path')[held.index];
    held.times[held.side] = plot._fullLayout.xaxis.p2d(place(plot, event).x);
    const {xaxis, yaxis2, shapes} = plot._fullLayout, shape = shapes[held.index];
    const [x0, x1] = ['x0', 'x1'].map((one) => xaxis._offset + xaxis.d2p(held.times[one]));
    const [y0, y1] = ['y0', 'y1'].map((one) => yaxis2._offset + yaxis2.d2p(shape[one]));
    path?.setAttribute('d', `M${x0},${y0}H${x1}V${y1}H${x0}Z`);
}, true);

document.addEventListener('mouseup', (event) => {
    if (!held) return;
    event.stopPropagation();
    const {index, times} = held;
    held = null;
    trigger('click', {index, start: times.x0, end: times.x1});
}, true);
