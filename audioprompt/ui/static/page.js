// What the page does in the browser around its tabs. It has to run before Gradio's own scripts do, see frame.py.

window.audioprompt = (() => {
    const SETTINGS = __SETTINGS__;  // see frame.py
    const TABS = SETTINGS.tabs, FIRST = Object.keys(TABS)[0], LONGEST_ADDRESS = 2000;

    // Gradio's display of progress counts time in a loop of animation frames. Taken out of the page while it counts,
    // it never ends the loop: the "Loading..." of every visit, and displays in parts that are shown or hidden.
    const frame = window.requestAnimationFrame.bind(window);
    const counts = (step) => /^\(\)=>\{[\w$]+\([\w$]+,\(performance\.now\(\)-/.test(step);
    const counting = () => document.querySelector('[data-testid="status-tracker"]:not(.hide)');
    window.requestAnimationFrame = (step) => frame(counts(step) ? (time) => counting() && step(time) : step);

    // Gradio opens a list at every key pressed in its field, so that of Tab stays open once the field is left.
    addEventListener('keydown', (event) => {
        if (event.key === 'Tab' && event.target.matches?.('input[role="listbox"], input[role="combobox"]'))
            event.stopImmediatePropagation();
    }, true);

    // --- the tab and the labels are in the address --------------------------------------------------------------

    const asked = () => {
        const tab = new URL(location.href).searchParams.get('tab');
        return tab in TABS ? tab : FIRST;
    };
    let wanted = asked() === FIRST ? null : asked();  // by the address, and not open yet
    let opening;  // the labels that the page opens with, which the address need not tell

    function button(tab) {
        const bar = document.querySelector('#tabs > .tab-wrapper');
        return bar?.querySelector(`[role="tab"][data-tab-id="${tab}"]`)
            ?? [...bar?.querySelectorAll('.overflow-dropdown button') ?? []]
                .find((other) => other.textContent.trim() === TABS[tab]);
    }

    function write(change, keep) {
        const address = new URL(location.href);
        change(address.searchParams);
        if (address.href === location.href) return;
        history[keep ? 'pushState' : 'replaceState'](history.state, '', address);
    }

    function arrive(tab) {
        if (wanted && tab === FIRST) return;  // the page opens with the first tab, and then goes on
        wanted = null;
        if (tab !== asked()) write((params) => params.set('tab', tab), true);
    }

    function tell(labels) {
        opening ??= new URL(location.href).searchParams.has('labels') ? '' : labels;
        write((params) => {
            params.delete('labels');
            if (labels.trim() && labels !== opening) params.set('labels', labels);
            if (params.toString().length > LONGEST_ADDRESS) params.delete('labels');
        });
    }

    addEventListener('popstate', () => {
        const labels = document.querySelector('#labels textarea')?.value;
        if (labels !== undefined) tell(labels);
        button(asked())?.click();
    });

    // --- a button that moves away while it is pressed -------------------------------------------------------------

    // A click needs the same button below the pointer at press and release. Where an answer of the server moves it or
    // draws it anew in between, and the pointer stays, the click goes to it wherever it is now.
    const STILL = 5;  // pixels that a hand moves without meaning to
    let pressed = null, around = [], place = [];
    const said = (button) => JSON.stringify([button.textContent, {...button.dataset}]);
    function found(button) {
        if (button.isConnected) return button;
        const others = around.find((part) => part.isConnected)?.querySelectorAll('button') ?? [];
        const same = [...others].filter((other) => said(other) === said(button));
        return same.length === 1 ? same[0] : null;
    }
    // Whether what was pressed is no longer below the pointer, which has hardly moved; then it is clicked.
    function released({clientX, clientY}) {
        const button = pressed, moved = Math.hypot(clientX - place[0], clientY - place[1]);
        pressed = null;
        const lost = button && moved < STILL && document.elementFromPoint(clientX, clientY)?.closest('button') !== button;
        if (lost) found(button)?.click();
        return lost;
    }
    addEventListener('pointerdown', (event) => {
        pressed = event.target.closest?.('button') ?? null;
        around = event.composedPath();
        place = [event.clientX, event.clientY];
    }, true);
    addEventListener('pointerup', (event) => event.pointerType !== 'touch' && released(event), true);
    // A finger's click goes to what is below it at the end, unless it is said here that there is to be none.
    addEventListener('touchend', (event) => {
        if (released(event.changedTouches[0])) event.preventDefault();
    }, {capture: true, passive: false});

    // --- what would be lost is asked for ------------------------------------------------------------------------

    addEventListener('beforeunload', (event) => {
        if (!document.querySelector('[data-unsaved]')) return;
        event.preventDefault();
        event.returnValue = '';
    });
    // Part of the page says what would be lost, and the class of a button or a field that it would take it away.
    const refused = () => {
        const question = document.querySelector('[data-unsaved]')?.dataset.unsaved;
        return Boolean(question) && !confirm(question);
    };
    function stop(event) {
        event.stopImmediatePropagation();
        event.preventDefault();
    }
    // A question while a button is pressed would swallow the click: what a field would take away is asked for then.
    const FIELDS = '.takes-unsaved :is(input, textarea)';
    const open = (field) => field.value.trim() && field.value !== field.agreed;
    function settle(field) {
        const value = field.value;
        if (!refused()) {
            field.agreed = value;
            return true;
        }
        field.value = '';
        field.dispatchEvent(new Event('input', {bubbles: true}));
        return false;
    }
    addEventListener('click', (event) => {
        const button = event.target.closest?.('button');
        if (!button) return;
        if (button.matches('.takes-unsaved')) {
            if (refused()) stop(event);
            return;
        }
        for (const field of document.querySelectorAll(FIELDS))
            if (open(field) && field.left && settle(field)) field.dispatchEvent(new FocusEvent('blur'));
    }, true);
    for (const kind of ['keydown', 'blur']) addEventListener(kind, (event) => {
        const field = event.target;
        if (!field.matches?.(FIELDS) || (kind === 'keydown' && event.key !== 'Enter') || !open(field)) return;
        field.left = kind === 'blur' && pressed !== null;
        if (field.left || !settle(field)) stop(event);
    }, true);

    // --- whenever there are more tabs, or figures ---------------------------------------------------------------

    // A figure that is drawn in a tab that is not open, where it has no width, is 700 pixels wide. Plotly makes it fit
    // when the window changes; so it is told that it has, once the figure is seen.
    const fits = (figure) => figure.querySelector('.main-svg')?.clientWidth === figure.clientWidth;
    const sizes = new ResizeObserver((seen) => {
        if (seen.some(({target}) => target.clientWidth && !fits(target))) dispatchEvent(new Event('resize'));
    });
    const watched = new WeakSet();  // to watch one again would be told as a change

    new MutationObserver(() => {
        for (const more of document.querySelectorAll('.overflow-menu > button:not([aria-label])'))
            more.setAttribute('aria-label', 'More tabs');
        for (const figure of document.querySelectorAll('.js-plotly-plot')) {
            if (watched.has(figure)) continue;
            watched.add(figure);
            sizes.observe(figure);
        }
    }).observe(document, {childList: true, subtree: true});

    // --- what clicks do that the server need not know ------------------------------------------------------------

    function reveal(id) {  // where everything stands in one column, what is below is out of sight: go there
        if (innerWidth < 768) document.getElementById(id).scrollIntoView({behavior: 'smooth'});
    }

    const focus = (place) => document.querySelector(`${place} :is(input, textarea)`).focus();

    function choose(what, way, field) {  // the body keeps it, for all the rest is Gradio's to draw anew; see the styles
        document.body.dataset[what] = way;
        if (field) focus(field);
    }

    function askName() {
        if (document.querySelector('#learn-cards .unnamed')) focus('#learn-name');
    }

    function save(parcel) {  // a file made by the server
        if (!parcel) return;
        const link = document.createElement('a');
        link.href = URL.createObjectURL(new Blob([parcel.content], {type: 'text/plain'}));
        link.download = parcel.name;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }

    function signInOrOut(label) {
        if (label === SETTINGS.sign_out) {
            document.cookie = `${SETTINGS.cookie}=; path=/; max-age=0; samesite=strict`;
            location.reload();
        } else if (document.body.classList.toggle('signing-in')) focus('#password');
    }

    function signedIn(given) {
        if (!given) return;
        const kept = `path=/; samesite=strict; max-age=${SETTINGS.signed_in_seconds}`;
        const secure = location.protocol === 'https:' ? '; secure' : '';
        document.cookie = `${SETTINGS.cookie}=${given.token}; ${kept}${secure}`;
        location.reload();
    }

    return {arrive, tell, reveal, choose, askName, save, signInOrOut, signedIn};
})();
