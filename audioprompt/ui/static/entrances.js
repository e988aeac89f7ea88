() => {
    const shown = __PLACES__, most = __MOST__, between = __BETWEEN__;
    const seen = (place) => document.querySelector(place)?.getClientRects().length;
    // An upload button's field for files stands before it, that of a recorder inside.
    const field = (place) => {
        const element = document.querySelector(place);
        if (element?.previousElementSibling?.matches('input[type=file]')) return element.previousElementSibling;
        return element?.querySelector('input[type=file]');
    };
    const placeOf = (target) => Object.keys(shown).find((place) =>
        target === field(place) || target.closest?.(place));
    const tell = (sentence) => {
        document.querySelector('#not-taken')?.remove();
        const place = document.querySelector(Object.keys(shown).find(seen))?.parentElement;
        if (!sentence || !place) return;
        const said = Object.assign(document.createElement('div'), {id: 'not-taken', className: 'problem'});
        said.setAttribute('role', 'alert');
        said.textContent = sentence;
        place.after(said);
    };
    // Files are given as [file, path]: in a collection a file is called by its path in the folder it came with.
    const asAudio = (file, name) => file.type.startsWith('audio/') && file.name === name ? file
        : new File([file], name, {type: file.type.startsWith('audio/') ? file.type : 'audio/*'});
    const give = (place, input, given) => {
        const sounds = new DataTransfer();
        const named = place.startsWith('#explore');
        for (const [file, path] of given) {
            sounds.items.add(asAudio(file, named ? path.replaceAll('/', between) : file.name));
        }
        input.files = sounds.files;
    };
    const hidden = (name) => name.startsWith('.') || name === '__MACOSX';
    const isTaken = (place, name) =>
        shown[place].split(',').some((ending) => ending.startsWith('.') && name.toLowerCase().endsWith(ending));
    // Whether there is nothing to take, or too much.
    const refused = (files, name, unread = []) => {
        const lost = unread.length && `${unread.slice(0, 5).join(', ')}${unread.length > 5 ? ' and others' : ''}` +
            ' cannot be read: what else there is was taken.';
        const none = !files.length && `${name} holds no recordings: give a folder with some.`;
        const over = files.length > most && `${name} holds more than ${most.toLocaleString('en')} recordings, the most` +
            ' that a page takes. Use audioprompt classify and embed in a shell.';
        if (none || over || lost) tell(none || over || lost);
        return none || over;
    };
    // What is in a dropped folder, hidden and other files left out; a browser hands on a part of a folder at a time.
    const walk = async (place, entry, path, files, unread) => {
        try {
            if (entry.isFile) {
                const file = isTaken(place, path) && await new Promise((go, stop) => entry.file(go, stop));
                if (!file) return;
                await file.slice(0, 1).arrayBuffer();  // one that cannot be read would end the upload of all
                files.push([file, path]);
                return;
            }
            const reader = entry.createReader();
            while (files.length <= most) {
                const some = await new Promise((go, stop) => reader.readEntries(go, stop));
                if (!some.length) return;
                const inside = some.filter((one) => !hidden(one.name));
                await Promise.all(inside.map((one) => walk(place, one, `${path}/${one.name}`, files, unread)));
            }
        } catch {
            unread.push(path);
        }
    };
    // A page that is busy, or has a file on its way, takes the next one when it can. What was given just now takes its
    // field away in a moment: hence the pause before the first look.
    const until = async (there) => {
        for (let tries = 0; tries < 1200; tries++) {
            await new Promise((go) => setTimeout(go, 50));
            if (there()) return;
        }
    };
    const empty = (place) => {
        if (!field(place)) document.querySelector(`${place} [aria-label='Clear']`)?.click();
        if (!field(place)) document.querySelector(`${place} [aria-label='Upload file']`)?.click();
        return field(place);
    };
    const take = async (place, dropped) => {
        const entries = dropped.filter((one) => one.isDirectory);
        const files = dropped.filter((one) => one instanceof File).map((file) => [file, file.name]);
        const many = entries.length || files.length > 1 || files[0][1].toLowerCase().endsWith('.zip');
        const explore = document.querySelector('#to-explore');
        if (place === '#sound' && many && explore) {  // Classify takes one
            explore.click();
            place = '#explore-files';
            await until(() => seen(place));
        }
        tell('');
        const unread = [];
        for (const entry of entries) await walk(place, entry, entry.name, files, unread);
        if (refused(files, entries.map((entry) => entry.name).join(', '), unread)) return;
        await until(() => empty(place));
        const input = field(place);
        if (!input) return tell('Another file is on its way still: give this one again when that is there.');
        give(place, input, input.multiple ? files : files.slice(0, 1));
        input.dispatchEvent(new Event('change', {bubbles: true}));
    };
    document.addEventListener('click', (event) => {
        const place = placeOf(event.target);
        if (!place || !field(place)) return;
        field(place).accept = shown[place];
        tell('');
    }, true);
    document.addEventListener('change', (event) => {
        const place = event.target.type === 'file' && placeOf(event.target);
        if (!place) return;
        const chosen = [...event.target.files].map((file) => [file, file.webkitRelativePath || file.name]);
        const files = chosen.filter(([file, path]) => !file.webkitRelativePath ||
            isTaken(place, path) && !path.split('/').slice(1).some(hidden));
        if (chosen.length && refused(files, chosen[0][1].split('/')[0])) event.stopImmediatePropagation();
        else give(place, event.target, files);
    }, true);
    let taking = Promise.resolve();  // what is dropped later is taken later
    const holdsFiles = (transfer) => transfer && [...transfer.types].includes('Files');
    document.addEventListener('dragover', (event) => {
        if (holdsFiles(event.dataTransfer)) event.preventDefault();  // or a drop would leave the page
    }, true);
    // A folder is no file, and can only be asked for while the event lasts.
    const brought = (item) => {
        const entry = item.kind === 'file' && item.webkitGetAsEntry?.();
        return entry?.isDirectory ? entry : item.getAsFile();
    };
    for (const name of ['drop', 'paste']) {
        document.addEventListener(name, (event) => {
            const place = Object.keys(shown).find(seen);
            const dropped = [...(event.dataTransfer ?? event.clipboardData)?.items ?? []].map(brought).filter(Boolean);
            if (!dropped.length) return;
            event.preventDefault();
            event.stopPropagation();
            event.target.dispatchEvent(new DragEvent('dragleave', {bubbles: true}));
            if (place) taking = taking.finally(() => take(place, dropped));
        }, true);
    }
}
