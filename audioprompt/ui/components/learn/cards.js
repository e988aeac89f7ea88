const turns = {};
element.addEventListener('click', (event) => {
    const button = event.target.closest('[data-act]');
    if (!button) return;
    const label = button.closest('[data-label]')?.dataset.label ?? '';
    const act = button.dataset.act;
    if (act === 'play') turns[label] = (turns[label] ?? -1) + 1;
    trigger('click', {act, label, turn: turns[label] ?? 0});
});
