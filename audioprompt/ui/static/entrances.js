() => {
    const shown = __PLACES__;
    const seen = (place) => document.querySelector(place)?.getClientRects().length;
    // An upload button's field for files stands before it, that of a recorder inside.
    const field = (place) => {
        const element = document.querySelector(place);
        if (element?.previousElementSibling?.matches('input[type=file]')) return element.previousElementSibling;
        return element?.querySelector('input[type=file]');
    };
    const placeOf = (target) => Object.keys(shown).find((place) =>
        target === field(place) || target.closest?.(place));
    const asAudio = (file) => file.type.startsWith('audio/') ? file : new File([file], file.name, {type: 'audio/*'});
    const give = (input, files) => {
        const sounds = new DataTransfer();
        for (const file of files) sounds.items.add(asAudio(file));
        input.files = sounds.files;
    };
    // A page that is busy, or has a file on its way, takes the next one when it can.
    const until = async (there) => {
        for (let tries = 0; tries < 1200 && !there(); tries++) await new Promise((go) => setTimeout(go, 50));
    };
    const empty = (place) => {
        if (!field(place)) document.querySelector(`${place} [aria-label='Clear']`)?.click();
        if (!field(place)) document.querySelector(`${place} [aria-label='Upload file']`)?.click();
        return field(place);
    };
    const take = async (place, files) => {
        const explore = document.querySelector('#to-explore');
        if (place === '#sound' && files.length > 1 && explore) {  // Classify takes one
            explore.click();
            place = '#explore-files';
            await until(() => seen(place));
        }
        await until(() => empty(place));
        const input = field(place);
        if (!input) return;
        give(input, input.multiple ? files : files.slice(0, 1));
        input.dispatchEvent(new Event('change', {bubbles: true}));
    };
    document.addEventListener('click', (event) => {
        const place = placeOf(event.target);
        if (place && field(place)) field(place).accept = shown[place];
    }, true);
    document.addEventListener('change', (event) => {
        if (event.target.type === 'file' && placeOf(event.target)) {
            give(event.target, [...event.target.files]);
        }
    }, true);
    const holdsFiles = (transfer) => transfer && [...transfer.types].includes('Files');
    document.addEventListener('dragover', (event) => {
        if (holdsFiles(event.dataTransfer)) event.preventDefault();  // or a drop would leave the page
    }, true);
    for (const name of ['drop', 'paste']) {
        document.addEventListener(name, (event) => {
            const place = Object.keys(shown).find(seen);
            const files = [...(event.dataTransfer ?? event.clipboardData)?.files ?? []];
            if (!files.length) return;
            event.preventDefault();
            event.stopPropagation();
            event.target.dispatchEvent(new DragEvent('dragleave', {bubbles: true}));
            if (place) take(place, files);
        }, true);
    }
}
