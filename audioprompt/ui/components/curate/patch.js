// What decisions change is told in one attribute; the table's script puts it there.

watch('value', () => {
    const told = element.querySelector('[data-patch]')?.dataset.patch;
    if (told) window.dispatchEvent(new CustomEvent('curate-patch', {detail: JSON.parse(told)}));
});
