element.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (button?.dataset.stop) trigger('stop', {job: button.dataset.stop});
    else if (button?.dataset.demonstrate) trigger('demonstrate');
    else if (button?.dataset.remove) trigger('remove', {pack: button.dataset.remove});
    else if (button?.dataset.restore) trigger('restore', {pack: button.dataset.restore});
    else if (button?.dataset.keep) trigger('keep');
});
