function press(key) {
    const pool = element.querySelector('[data-recording]');
    const button = pool?.querySelector(`[data-key="${key}"]`);
    if (!button || pool.dataset.pressed) return;
    pool.dataset.pressed = key;  // until the next recording comes
    trigger('click', {key, recording: Number(pool.dataset.recording)});
}
element.addEventListener('click', (event) => {
    const button = event.target.closest('[data-key]');
    if (button) press(button.dataset.key);
});
document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, textarea, select, audio')) return;
    if (/^[0-9a-z]$/.test(event.key) && element.isConnected && element.offsetParent) press(event.key);
});
