// The console's pages stay true while they are looked at. Everything works without this; with it, what moves is shown
// at once: the server says that something has moved, the page asks for itself again and puts in what is different.
//
// Rule 1: nobody is interrupted. What is being typed stays, so do the focus, the place one has scrolled to, and what was
//         unfolded; new rows of a list wait behind a button.
// Rule 2: a page that nobody sees asks for nothing.

declare const htmx: { process(element: Element): void } | undefined;

type Moved = { revision: number; state: string; title: string };

const QUIET_MS = 5000; // how long a stream may be away before the page says so: each ends by itself, and comes again
const AGAIN_MS = 10_000; // when a stream is tried again that was refused

// Asking for a page again

async function fetched(address: string): Promise<Document | null> {
  const main = document.querySelector("main");
  main?.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
    const elsewhere = answer.headers.get("HX-Redirect");
    if (elsewhere !== null) {
      location.assign(elsewhere);
      return null;
    }
    return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  } catch {
    return null; // the server is away: the stream says so, and comes again
  } finally {
    main?.removeAttribute("aria-busy");
  }
}

function parts(root: ParentNode): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>("[data-part]")];
}

function renew(fresh: Document): void {
  for (const part of parts(document)) {
    const name = part.dataset["part"] ?? "";
    const news = fresh.querySelector<HTMLElement>(`[data-part="${CSS.escape(name)}"]`);
    if (news === null || news.outerHTML === part.outerHTML || inUse(part)) {
      continue;
    }
    if (name === "rows") {
      renewRows(part, news);
    } else if (!repainted(part, news)) {
      exchange(part, news);
    }
  }
}

function inUse(part: HTMLElement): boolean {
  const active = document.activeElement;
  const typing = active !== null && part.contains(active) && active.matches("input, select, textarea");
  return typing || part.querySelector("form[data-touched]") !== null;
}

/** Put *news* in the place of *part*, with what was unfolded and who had the focus as they were. */
function exchange(part: HTMLElement, news: HTMLElement): void {
  const unfolded = new Set([...part.querySelectorAll("details")].filter((each) => each.open).map(nameOf));
  const focused = part.contains(document.activeElement) ? nameOf(document.activeElement as Element) : "";
  const scrolled = [...part.querySelectorAll(".scroll")].map((each) => [each.scrollLeft, each.scrollTop] as const);
  part.replaceWith(news);
  for (const details of news.querySelectorAll("details")) {
    details.open ||= unfolded.has(nameOf(details));
  }
  news.querySelectorAll(".scroll").forEach((each, place) => each.scrollTo(...(scrolled[place] ?? [0, 0])));
  if (focused !== "") {
    const same = [...news.querySelectorAll<HTMLElement>("a, button, summary, [tabindex]")];
    same.find((each) => nameOf(each) === focused)?.focus({ preventScroll: true });
  }
  htmx?.process(news);
}

/** What an element is called among those of its part: where it leads, or what it is in. */
function nameOf(element: Element): string {
  const place = element.closest("[id]")?.id ?? "";
  const details = element.closest("details");
  const among = details?.parentElement?.querySelectorAll("details") ?? [];
  const said = element.getAttribute("href") ?? element.getAttribute("aria-label") ?? "";
  return [element.tagName, place, said, details === null ? "" : [...among].indexOf(details)].join(" ");
}

/** Move the classes of a picture that has the same parts as the new one; whether that was all there was to do. */
function repainted(part: HTMLElement, news: HTMLElement): boolean {
  const shown = marked(part);
  const wanted = marked(news);
  if (shown.size === 0 || shown.size !== wanted.size || [...wanted.keys()].some((id) => !shown.has(id))) {
    return false;
  }
  const same = (one: Element, other: Element) => one.textContent === other.textContent;
  if ([...wanted].some(([id, element]) => !same(shown.get(id) as Element, element))) {
    return false;
  }
  for (const [id, element] of wanted) {
    shown.get(id)?.setAttribute("class", element.getAttribute("class") ?? "");
  }
  return true;
}

function marked(part: HTMLElement): Map<string, Element> {
  return new Map([...part.querySelectorAll("svg.diagram [id]")].map((element) => [element.id, element]));
}

// Lists

function renewRows(part: HTMLElement, news: HTMLElement): void {
  const shown = new Map(rowsOf(part).map((row) => [row.dataset["row"], row]));
  if (shown.size === 0) {
    exchange(part, news);
    return;
  }
  let unseen = 0;
  for (const row of rowsOf(news)) {
    const same = shown.get(row.dataset["row"]);
    if (same === undefined) {
      unseen += 1;
    } else if (same.textContent !== row.textContent && !same.contains(document.activeElement)) {
      same.replaceWith(row.cloneNode(true));
    }
  }
  const button = part.querySelector<HTMLButtonElement>("[data-news]");
  if (button !== null && unseen > 0) {
    button.hidden = false;
    button.textContent = `${unseen} new, show`;
    button.onclick = () => {
      exchange(part, news);
      news.querySelector<HTMLElement>("[data-row] a")?.focus({ preventScroll: true });
    };
  }
}

function rowsOf(part: HTMLElement): HTMLElement[] {
  return [...part.querySelectorAll<HTMLElement>("[data-row]")];
}

// What moves

function lightUp(moved: Moved): void {
  for (const state of document.querySelectorAll("svg.diagram .state")) {
    const here = state.getAttribute("data-state") === moved.state;
    if (state.classList.contains("current") && !here) {
      state.classList.add("visited");
    }
    state.classList.toggle("current", here);
    state.classList.remove("next");
  }
  const now = document.querySelector("[data-now]");
  if (now !== null) {
    now.textContent = moved.title;
  }
  bringIntoView();
}

/** Offer to show pictures that are wider than their frames whole, if small; what was chosen stays chosen. */
function offerSizes(): void {
  const main = document.querySelector("main");
  const wide = [...document.querySelectorAll<HTMLElement>(".drawn")].some((frame) => {
    const picture = frame.querySelector("svg");
    return picture !== null && Number(picture.getAttribute("width") ?? "0") > frame.clientWidth;
  });
  for (const button of document.querySelectorAll<HTMLElement>("[data-fit]")) {
    const fitted = main?.classList.contains("fitted") ?? false;
    button.hidden = !wide;
    button.textContent = fitted ? "Show it in its own size" : "Fit it in";
  }
}

/** Scroll a picture, and only it, so that the state that is lit is seen, or where sessions begin if none is. */
function bringIntoView(): void {
  for (const frame of document.querySelectorAll<HTMLElement>(".drawn")) {
    const sought = frame.querySelector(".state.current") ?? frame.querySelector(".start .head");
    if (sought !== null) {
      const [outer, inner] = [frame.getBoundingClientRect(), sought.getBoundingClientRect()];
      const seen = inner.left >= outer.left && inner.right <= outer.right && inner.top >= outer.top && inner.bottom <= outer.bottom;
      if (!seen) {
        frame.scrollBy(inner.left + inner.width / 2 - outer.left - outer.width / 2, inner.top + inner.height / 2 - outer.top - outer.height / 2);
      }
    }
  }
}

class Listener {
  readonly #root: HTMLElement;
  readonly #every: number;
  #source: EventSource | null = null;
  #last = "";
  #revision: number;
  #renewing = 0;
  #renewed = 0;
  #away = 0;
  #again = 0;

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#every = Number(root.dataset["every"] ?? "1") * 1000;
    this.#revision = Number(root.dataset["revision"] ?? "0");
  }

  open(): void {
    if (this.#source !== null || document.hidden) {
      return;
    }
    const source = new EventSource(this.#root.dataset["live"] ?? "");
    this.#source = source;
    source.onopen = () => this.#say("Live", true);
    source.onerror = () => this.#lost(source);
    source.addEventListener("session", (event) => {
      this.#moved(JSON.parse(event.data) as Moved);
      this.#changed(event.data); // what it asked for may come to an end without it
    });
    source.addEventListener("gone", () => this.#say("This session is there no more", false));
    source.addEventListener("counts", (event) => this.#changed(event.data));
    source.addEventListener("changed", (event) => this.#changed(event.data));
    source.addEventListener("away", () => this.#say("The database is away, trying again", false));
  }

  close(words = ""): void {
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#away);
    clearTimeout(this.#again);
    clearTimeout(this.#renewing);
    this.#renewing = 0;
    if (words !== "") {
      this.#say(words, false);
    }
  }

  #lost(source: EventSource): void {
    clearTimeout(this.#away);
    if (source.readyState === EventSource.CLOSED) {
      this.#source = null;
      this.#say("Reconnecting…", false);
      this.#again = setTimeout(() => this.open(), AGAIN_MS);
      return;
    }
    this.#away = setTimeout(() => {
      if (this.#source === source && source.readyState !== EventSource.OPEN) {
        this.#say("Reconnecting…", false);
      }
    }, QUIET_MS);
  }

  #moved(moved: Moved): void {
    if (moved.revision > this.#revision) {
      this.#revision = moved.revision;
      lightUp(moved);
      this.#say(`Live: now “${moved.title}”`, true);
      this.#renew();
    }
  }

  #changed(said: string): void {
    // What the page shows as under way may have come to an end before anything was heard.
    const isOwed = this.#last === "" && document.querySelector(".asked .badge.live") !== null;
    if (isOwed || (this.#last !== "" && this.#last !== said)) {
      this.#renew();
    }
    this.#last = said;
  }

  /** Ask for the page again, now or as soon as it was not asked for just before. */
  #renew(): void {
    if (this.#renewing === 0) {
      const wait = Math.max(0, this.#renewed + this.#every - Date.now());
      this.#renewing = setTimeout(async () => {
        const fresh = await fetched(this.#address());
        this.#renewing = 0;
        this.#renewed = Date.now();
        if (fresh !== null && this.#root.isConnected) {
          renew(fresh);
        }
      }, wait);
    }
  }

  /** Where the page is had again: its own address, but for the answer to a form, which is shown at the form's. */
  #address(): string {
    const here = this.#root.dataset["here"];
    return here === undefined || here === location.pathname ? location.href : here;
  }

  #say(words: string, on: boolean): void {
    const place = this.#root.querySelector<HTMLElement>("[data-listening]");
    if (place !== null && place.textContent !== words) {
      place.hidden = false;
      place.textContent = words;
      place.classList.toggle("on", on);
    }
  }
}

let listener: Listener | null = null;

function listen(): void {
  listener?.close();
  const root = document.querySelector<HTMLElement>("[data-live]");
  listener = root === null ? null : new Listener(root);
  listener?.open();
}

// Going from step to step

let travels = 0; // how often one has set out: only the last journey arrives
let shown = placeOf(location); // what the page shows, which is elsewhere than its address while one is on the way

function placeOf(address: { pathname: string; search: string }): string {
  return address.pathname + address.search;
}

/** Show the page as of another step; *direction* says which of its links takes the focus if nothing else has it. */
async function travel(address: string, direction: string, keep: boolean): Promise<void> {
  travels += 1;
  const mine = travels;
  const fresh = await fetched(address);
  if (mine !== travels) {
    return;
  }
  const root = document.querySelector<HTMLElement>(".session");
  const news = fresh?.querySelector<HTMLElement>(".session") ?? null;
  if (root === null || news === null) {
    location.assign(address);
    return;
  }
  listener?.close();
  exchange(root, news);
  shown = placeOf(new URL(address, location.href));
  if (keep) {
    history.pushState({ travel: true }, "", address);
  }
  if (!news.contains(document.activeElement)) {
    const links = [...news.querySelectorAll<HTMLElement>("[data-part=steps] a")];
    (links.find((link) => link.dataset["travel"] === direction) ?? links[0])?.focus({ preventScroll: true });
  }
  offerSizes();
  bringIntoView();
  listen();
}

function stepBy(key: string): void {
  const direction = { ArrowLeft: "earlier", ArrowRight: "later" }[key];
  const link = document.querySelector<HTMLAnchorElement>(`[data-part=steps] [data-travel="${direction}"]`);
  if (direction !== undefined && link !== null) {
    void travel(link.href, direction, true);
  }
}

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[data-travel]") : null;
  if (link !== null && event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)) {
    event.preventDefault();
    void travel(link.href, link.dataset["travel"] ?? "", true);
  }
});

document.addEventListener("keydown", (event) => {
  const at = event.target instanceof Element ? event.target : document.body;
  const plain = !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.defaultPrevented);
  const writing = at.matches("input, select, textarea") || document.querySelector("form[data-touched]") !== null;
  if (plain && !writing && !at.matches(".scroll, .scroll *")) {
    stepBy(event.key);
  }
});

document.addEventListener("input", (event) => {
  if (event.target instanceof HTMLElement) {
    event.target.closest("form")?.setAttribute("data-touched", "");
  }
});

document.addEventListener("submit", (event) => {
  if (event.target instanceof HTMLFormElement) {
    event.target.setAttribute("aria-busy", "true");
  }
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    listener?.close("Paused");
  } else {
    listener?.open();
  }
});

window.addEventListener("popstate", () => {
  if (placeOf(location) === shown) {
    travels += 1; // a jump within the page, or back before one has arrived
  } else if (document.querySelector(".session") !== null) {
    void travel(location.href, "", false);
  }
});
window.addEventListener("pagehide", () => listener?.close());
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    listen();
  }
});

document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest("[data-fit]") !== null) {
    document.querySelector("main")?.classList.toggle("fitted");
    offerSizes();
    bringIntoView();
  }
});

window.addEventListener("resize", () => {
  offerSizes();
  bringIntoView();
});

offerSizes();
bringIntoView();
listen();
