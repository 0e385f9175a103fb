/**
 * Headway's progress view: one self-contained ES module, no dependency, no build step. It is
 *
 *   a library       import {ProgressClient, RunView, RunIndex} from "…/headway/progress.js"
 *   a web component <headway-progress session-id="…" url="https://host/"></headway-progress>
 *   a Panel view    the `render` of `headway.dashboard.components.ProgressLog`
 *   a notebook view the `_esm` of an anywidget
 *
 * Model of the last two (params of Panel, traits of anywidget):
 *   session_id    which session is shown
 *   url           where the server is: "" = this page's own; null or "kernel" = no server, entries come as
 *                 custom messages {type: "entries", entries: [...]} ({type: "reset"} forgets what is shown)
 *   entries       entries to begin with (a saved notebook shows them without kernel or server)
 *   status        written back: status of the latest run, "running" | "completed" | "error" | …
 *   run_fraction  written back: 0..1 of the latest run
 */

export const TOKENS = `
:host, .hw {
  --hw-bg: var(--mui-palette-background-default, var(--jp-layout-color0, light-dark(#ffffff, #15171c)));
  --hw-raised: var(--mui-palette-background-paper, var(--jp-layout-color1, light-dark(#ffffff, #1c1f26)));
  --hw-text: var(--mui-palette-text-primary, var(--jp-ui-font-color1, light-dark(#1a1d23, #e8eaef)));
  --hw-soft: var(--mui-palette-text-secondary, var(--jp-ui-font-color2, light-dark(#5c6370, #a0a7b4)));
  --hw-accent: var(--mui-palette-primary-main, var(--jp-brand-color1, light-dark(#3457d5, #8ba6ff)));
  --hw-on-accent: var(--mui-palette-primary-contrastText, light-dark(#ffffff, #10131a));
  --hw-good: var(--mui-palette-success-main, light-dark(#1a7f4e, #5cc793));
  --hw-bad: var(--mui-palette-error-main, light-dark(#c0354b, #ff8a97));
  --hw-warn: var(--mui-palette-warning-main, light-dark(#946200, #e6b450));
  --hw-line: color-mix(in srgb, var(--hw-text) 13%, transparent);
  --hw-faint: color-mix(in srgb, var(--hw-text) 5%, transparent);
  --hw-track: color-mix(in srgb, var(--hw-text) 9%, transparent);
  --hw-font: -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --hw-ease: cubic-bezier(.2, .7, .2, 1);
  font: 400 15px/1.5 var(--hw-font); color: var(--hw-text); -webkit-font-smoothing: antialiased;
}
*, ::before, ::after { box-sizing: border-box }
button { font: inherit; color: inherit; background: none; border: 0; margin: 0; padding: 0; cursor: pointer }
:focus-visible { outline: 2px solid var(--hw-accent); outline-offset: 2px }
[hidden] { display: none !important }
.sr { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
@media (prefers-reduced-motion: reduce) { *, ::before, ::after { animation: none !important; transition: none !important; scroll-behavior: auto !important } }
`

const RUN_CSS = `
.run { border: 1px solid var(--hw-line); border-radius: 14px; background: var(--hw-raised); overflow: hidden; margin: 0 0 12px; font-variant-numeric: tabular-nums }
.run-head { display: flex; align-items: center; gap: 10px; padding: 0 12px 0 14px; min-height: 48px }
.run-fold { flex: 1; min-width: 0; display: flex; align-items: center; gap: 10px; text-align: left; align-self: stretch; border-radius: 8px }
.run-title { min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-weight: 500 }
.run-label { flex: 0 1 auto; min-width: 0; display: flex; align-items: baseline; gap: 10px; padding: 6px 0 }
.run-time { color: var(--hw-soft); font-size: 13px; white-space: nowrap }
.run-fold::after { content: ""; flex: none; width: 7px; height: 7px; margin: -3px 4px 0; border: solid var(--hw-soft); border-width: 0 1.5px 1.5px 0; rotate: 45deg; transition: rotate .2s var(--hw-ease) }
.run-fold[aria-expanded=true]::after { rotate: 225deg; margin-top: 3px }
.link { display: inline-flex; align-items: center; gap: 6px; font-size: 12px; color: var(--hw-soft); white-space: nowrap }
.link::before { content: ""; width: 7px; height: 7px; border-radius: 50%; background: var(--hw-warn) }
.link[data-state=live]::before { background: var(--hw-good) }
.link[data-state=offline]::before, .link[data-state=refused]::before { background: var(--hw-bad) }
.link[data-state=connecting]::before, .link[data-state=reconnecting]::before { animation: hw-pulse 1.2s ease-in-out infinite }
.stop { font-size: 13px; font-weight: 500; padding: 4px 12px; border: 1px solid var(--hw-line); border-radius: 99px; transition: background .15s }
.stop:hover { background: var(--hw-faint) } .stop:disabled { color: var(--hw-soft); cursor: default }
.bar { height: 3px; background: var(--hw-track); overflow: hidden; border-radius: 2px }
.bar > i { display: block; height: 100%; background: var(--hw-accent); transform-origin: left; transform: scaleX(var(--at, 0)); transition: transform .25s var(--hw-ease); border-radius: inherit }
.run > .bar { border-radius: 0 } .run:not([data-status=running]) > .bar { display: none }
.fold { display: grid; grid-template-rows: 0fr; transition: grid-template-rows .28s var(--hw-ease) }
.fold.open { grid-template-rows: 1fr }
.fold > .steps { min-height: 0; overflow: hidden; visibility: hidden; transition: visibility .28s }
.fold.open > .steps { visibility: visible; overflow: auto; max-height: min(60vh, 520px); overscroll-behavior: contain }
.rows { list-style: none; margin: 0; padding: 6px 0; position: relative }
.row { display: grid; grid-template-columns: 18px minmax(0, 1fr) auto; column-gap: 10px; padding: 7px 16px 7px 14px; line-height: 1.4 }
.windowed .row { position: absolute; inset-inline: 0; height: 52px } .windowed .message { white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
.name { font-size: 14px; overflow-wrap: anywhere } .row[data-status=running] .name { font-weight: 500 }
.windowed .name { white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
.meta { font-size: 12px; color: var(--hw-soft); padding-top: 1px; white-space: nowrap; text-align: right }
.message { grid-column: 2 / -1; font-size: 13px; color: var(--hw-soft); overflow-wrap: anywhere } .message:empty { display: none }
.row .bar { grid-column: 2 / -1; margin-top: 5px } .row[data-status=pending] { color: var(--hw-soft) } .row[data-status=pending] .bar { opacity: .6 }
.row[data-status=done] .bar > i, .row[data-status=completed] .bar > i { background: color-mix(in srgb, var(--hw-good) 55%, transparent) }
.row[data-status=error] .bar > i { background: var(--hw-bad) } .row[data-status=cancelled] .bar > i, .row[data-status=interrupted] .bar > i { background: var(--hw-soft) }
.bar.unknown > i { transform: none; width: 35%; animation: hw-slide 1.4s ease-in-out infinite }
.mark { width: 18px; height: 18px; margin-top: 1px; flex: none; border-radius: 50%; display: grid; place-items: center; color: var(--hw-soft) }
.mark::after { content: ""; width: 6px; height: 6px; border-radius: 50%; border: 1.5px solid currentColor; opacity: .7 }
.mark[data-status=running] { border: 2px solid var(--hw-track); border-top-color: var(--hw-accent); animation: hw-spin .9s linear infinite }
.mark[data-status=running]::after { display: none }
.mark:is([data-status=done], [data-status=completed]) { background: color-mix(in srgb, var(--hw-good) 16%, transparent); color: var(--hw-good) }
.mark:is([data-status=done], [data-status=completed])::after { width: 4px; height: 8px; margin-top: -2px; border-radius: 0; border-width: 0 1.75px 1.75px 0; rotate: 45deg; opacity: 1 }
.mark:is([data-status=error], [data-status=cancelled], [data-status=interrupted]) { background: color-mix(in srgb, currentColor 14%, transparent) }
.mark[data-status=error] { color: var(--hw-bad) } .mark:is([data-status=cancelled], [data-status=interrupted])::after { border-radius: 1px; background: currentColor; width: 5px; height: 5px }
.mark[data-status=error]::after { border: 0; border-radius: 0; width: auto; height: auto; content: "!"; font: 700 12px/1 var(--hw-font); opacity: 1 }
.empty { color: var(--hw-soft); padding: 14px; border: 1px dashed var(--hw-line); border-radius: 14px; display: flex; justify-content: space-between; gap: 12px }
@keyframes hw-spin { to { rotate: 360deg } }
@keyframes hw-pulse { 50% { opacity: .25 } }
@keyframes hw-slide { from { translate: -100% } to { translate: 300% } }
.run[data-connection=offline] * { animation-play-state: paused !important }
@media (prefers-reduced-motion: reduce) { .bar.unknown > i { width: 100%; opacity: .35 } .mark[data-status=running] { border-color: var(--hw-accent) } }
@container (max-width: 480px) { .link span { display: none } .run-label { flex-direction: column; gap: 0 } .run-title, .run-time { max-width: 100%; overflow: hidden; text-overflow: ellipsis } }
`
export const CSS = TOKENS + RUN_CSS

/** Build an element: `h("button.primary", {onclick}, "Text", child)`. Text is always text, never markup. */
export function h(spec, props = {}, ...children) {
  const [tag, ...classes] = spec.split(".")
  const element = document.createElement(tag || "div")
  if (classes.length) element.className = classes.join(" ")
  for (const [name, value] of Object.entries(props)) {
    if (name in element && !name.startsWith("aria")) element[name] = value
    else if (value !== null && value !== undefined) element.setAttribute(name, value)
  }
  element.append(...children.filter(child => child !== null && child !== undefined))
  return element
}

const number = new Intl.NumberFormat()
const seconds = (from, to) => Math.max(0, (to - from) / 1000)
export const isTerminal = entry => Boolean(entry?.status) && entry.status !== "running"

/** "0.4 s", "12 s", "3 min 20 s" */
export function duration(value) {
  if (value < 9.95) return `${value.toFixed(1)} s`
  const whole = Math.round(value)
  if (whole < 60) return `${whole} s`
  return whole < 3600 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min`
}

/**
 * Follow one session's log: what is stored first, then what comes; nothing twice, nothing left out.
 * States: connecting, live, reconnecting, polling, offline, refused.
 */
export class ProgressClient {
  constructor(sessionId, {base = document.baseURI, onEntries, onState = () => {}, onReset = () => {}, onSynced = () => {}}) {
    Object.assign(this, {sessionId, onEntries, onState, onReset, onSynced})
    this.base = new URL(base.endsWith("/") || base === document.baseURI ? base : `${base}/`, document.baseURI)
    Object.assign(this, {since: 0, epoch: null, state: null, attempts: 0, everOpen: false, skew: 0})
    this.wake = () => { if (this.running && !document.hidden && this.state !== "live") { this.attempts = 0; this.connect() } }
  }

  async start() {
    this.running = true
    this.setState("connecting")
    addEventListener("online", this.wake)
    document.addEventListener("visibilitychange", this.wake)
    await this.read(0).catch(() => {})     // the stored log and its epoch in one answer; the socket goes on from there
    if (this.running && !this.socket) this.connect()
  }

  stop() {
    this.running = false
    removeEventListener("online", this.wake)
    document.removeEventListener("visibilitychange", this.wake)
    clearTimeout(this.timer)
    this.abort?.abort()
    this.socket?.close()
  }

  setState(state) { if (state !== this.state) this.onState(this.state = state) }

  address(path, query) {
    const url = new URL(`${path}/${encodeURIComponent(this.sessionId)}`, this.base)
    if (this.epoch) query.epoch = this.epoch
    url.search = new URLSearchParams({since: this.since, ...query})
    return url
  }

  take(entries) {
    const fresh = entries.filter(entry => !entry.offset || entry.offset > this.since)
    if (!fresh.length) return
    this.since = fresh.at(-1).offset ?? this.since + fresh.length
    this.onEntries(fresh)
  }

  /** The log was replaced or deleted: what is shown is no longer true. */
  reset() { Object.assign(this, {since: 0, epoch: null}); this.onReset() }

  async read(wait) {
    for (let more = true; more && this.running;) {
      this.abort = new AbortController()
      const answer = await fetch(this.address("api/progress", {wait, limit: 1000}), {signal: this.abort.signal})
      if (answer.status === 409) { this.reset(); continue }
      if (answer.status === 404) { this.onSynced(false); return false }
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
      const skew = Date.parse(answer.headers.get("Date")) - Date.now()
      this.skew = Math.abs(skew) > 2000 ? skew : 0
      const body = await answer.json()
      if (!this.running) return
      this.epoch = body.epoch ?? null
      this.take(body.logs)
      more = body.more
    }
    this.onSynced(true)
    return true
  }

  connect() {
    clearTimeout(this.timer)
    const address = this.address("ws/progress", {batch: 1, live: 1})
    address.protocol = address.protocol.replace("http", "ws")
    const socket = this.socket = new WebSocket(address)
    const patience = setTimeout(() => socket.close(), this.everOpen ? 10000 : 30000)
    const meanwhile = setTimeout(() => this.poll(), 3000)
    socket.onopen = () => {
      clearTimeout(patience); clearTimeout(meanwhile)
      if (socket !== this.socket) return socket.close()
      this.attempts = 0; this.everOpen = true
      this.setState("live")
      this.abort?.abort()
    }
    socket.onmessage = ({data}) => {
      if (socket !== this.socket || !this.running) return
      const message = JSON.parse(data)
      this.take(Array.isArray(message) ? message : [message])
    }
    socket.onclose = ({code}) => {
      clearTimeout(patience); clearTimeout(meanwhile)
      if (socket !== this.socket || !this.running) return
      this.lost(code)
    }
  }

  lost(code) {
    if ([4400, 4401, 4403].includes(code)) return this.setState("refused")
    if (code === 4409) { this.reset(); this.read(0).catch(() => {}) }
    if (this.everOpen && this.state === "live") this.setState("reconnecting")
    this.attempts += 1
    if (this.attempts >= 2) this.poll()
    const delay = Math.min(4000, 200 * 2 ** this.attempts) * (0.5 + Math.random() / 2)
    this.timer = setTimeout(() => this.connect(), delay)
  }

  /** Read over HTTP as long as there is no socket. */
  async poll() {
    if (this.polling) return
    this.polling = true
    for (let wait = 0; this.running && this.state !== "live"; wait = 25) {
      const pause = await this.read(wait).then(
        exists => { if (this.state !== "live") this.setState("polling"); return exists ? 250 : 2000 },
        () => { if (this.state !== "live") this.setState("offline"); return 1500 })
      await new Promise(done => setTimeout(done, pause))
    }
    this.polling = false
  }
}

/** Sort entries into runs. `make(first)` gives an object with `add(entries)` for each new run. */
export class RunIndex {
  constructor(make) { Object.assign(this, {make, runs: new Map(), loose: 0}) }

  key(entry) {
    if (entry.run_id) return entry.run_id
    const last = this.lastLoose     // entries without run_id are one run until that one has ended
    if (last && (isTerminal(last) || (last.step_number === last.total_steps && entry.step_number < last.step_number))) this.loose += 1
    this.lastLoose = entry
    return this.loose
  }

  add(entries) {
    const batches = new Map()
    for (const entry of entries) {
      const key = this.key(entry)
      if (!this.runs.has(key)) this.runs.set(key, this.make(entry))
      if (!batches.has(key)) batches.set(key, [])
      batches.get(key).push(entry)
    }
    for (const [key, batch] of batches) this.runs.get(key).add(batch)
  }
}

const LINK = {connecting: "Connecting…", live: "Live", reconnecting: "Reconnecting…", polling: "Polling", offline: "Offline", refused: "Refused"}
const ENDED = {completed: "Completed", error: "Failed", cancelled: "Stopped", interrupted: "Interrupted"}
const ROW = 52              // height of a windowed row, px
const WINDOWED = 200        // more rows than this: only those in sight are in the document

/** Draw one run: header, overall bar, one row and bar per step. Painted at most once a frame. */
export class RunView {
  constructor({onStop = null, announce = () => {}, now = Date.now} = {}) {
    Object.assign(this, {canStop: Boolean(onStop), announce, now, rows: [], byKey: new Map(), current: -1, status: "running", overall: 0, drawn: new Map(), dirty: new Set(), follow: true})
    this.mark = h("span.mark", {"aria-hidden": "true"})
    this.title = h("span.run-title")
    this.time = h("span.run-time")
    this.fold = h("button.run-fold", {type: "button", "aria-expanded": "true", onclick: () => this.toggle(!this.open, true)}, this.mark, h("span.run-label", {}, this.title, this.time))
    this.link = h("span.link", {hidden: true}, h("span"))
    this.stop = h("button.stop", {type: "button", hidden: true, onclick: () => this.askStop(onStop)}, "Stop")
    this.bar = h("div.bar", {role: "progressbar", "aria-label": "Overall progress", "aria-valuemin": 0, "aria-valuemax": 100}, h("i"))
    this.list = h("ol.rows", {"aria-label": "Steps"})
    this.scroller = h("div.steps", {tabIndex: -1, onscroll: () => this.scrolled()}, this.list)
    this.body = h("div.fold.open", {}, this.scroller)
    this.el = h("section.run", {"data-status": "running", "aria-label": "Progress"}, h("div.run-head", {}, this.fold, this.link, this.stop), this.bar, this.body)
    this.open = true
  }

  get alive() { return this.status === "running" && !this.settled }

  get offline() { return this.link.dataset.state === "offline" }

  async askStop(onStop) {
    this.stopping = true
    this.schedule()
    this.stopping = await onStop() !== false
    this.schedule()
  }

  toggle(open, byHand = false) {
    this.touched ||= byHand
    this.open = open
    this.body.classList.toggle("open", open)
    this.fold.setAttribute("aria-expanded", open)
    this.schedule()
  }

  setConnection(state) {
    this.link.dataset.state = this.el.dataset.connection = state
    this.link.firstChild.textContent = LINK[state] ?? state
    this.link.title = LINK[state] ?? state
    this.schedule()
  }

  add(entries, quiet = false) {
    for (const entry of entries) this.apply(entry, quiet)
    this.schedule()
  }

  apply(entry, quiet) {
    const at = Date.parse(entry.timestamp)
    this.started ??= at
    this.latest = at
    this.name ??= entry.data?.prompt ? "" : entry.data?.title      // a prompt stands above; a title has no other place
    if (entry.data?.plan && !this.rows.length) { this.planned = true; entry.data.plan.forEach((name, i) => this.row(i + 1, name)) }
    const index = this.row(entry.step_number, entry.step)
    const row = this.rows[index]
    if (index !== this.current) this.enter(index, at, entry, quiet)
    row.message = entry.message || row.message
    row.fraction = entry.fraction ?? (row.entries++ ? row.fraction : null)
    row.count = entry.data?.current === undefined ? row.count : entry.data
    this.total = entry.total_steps
    this.eta = entry.eta_seconds
    const plain = entry.step_number - 1 + (entry.fraction ?? (entry.run_id ? 0 : 1))
    this.overall = Math.max(this.overall, entry.run_fraction ?? plain / entry.total_steps)
    this.settled = !entry.run_id && entry.step_number === entry.total_steps && (entry.fraction ?? 1) === 1
    this.dirty.add(index)
    if (isTerminal(entry)) this.end(entry, at, quiet)
  }

  row(number, name) {
    const key = this.planned ? number : `${number} ${name}`
    if (!this.byKey.has(key)) this.byKey.set(key, this.rows.push({number, name, message: "", entries: 0, fraction: null}) - 1)
    this.rows[this.byKey.get(key)].name = name
    return this.byKey.get(key)
  }

  enter(index, at, entry, quiet) {
    const before = this.rows[this.current]
    if (before) before.ended = at
    this.current = index
    this.rows[index].started ??= at
    for (let i = 0; i < this.rows.length; i++) this.drawn.has(i) && this.dirty.add(i)
    if (!quiet) this.announce(`Step ${entry.step_number} of ${entry.total_steps}: ${entry.step}`)
  }

  end(entry, at, quiet) {
    this.status = entry.status
    this.rows[this.current].ended = at
    for (const i of this.drawn.keys()) this.dirty.add(i)
    if (!quiet) this.announce(`${ENDED[entry.status] ?? entry.status}${entry.message ? `: ${entry.message}` : ""}`)
  }

  statusOf(i) {
    if (this.status === "completed" || this.settled) return "done"
    if (i === this.current) return this.status
    return i < this.current || this.rows[i].entries ? "done" : "pending"
  }

  schedule() { this.frame ??= requestAnimationFrame(() => { this.frame = null; this.paint() }) }

  paint() {
    const alive = this.alive
    const status = this.settled && this.status === "running" ? "completed" : this.status
    this.el.dataset.status = this.mark.dataset.status = status
    const now = alive ? this.rows[this.current]?.name ?? "Starting…" : ENDED[status] ?? status
    this.title.textContent = this.name ? `${this.name} · ${now}` : now
    this.bar.style.setProperty("--at", this.overall)
    this.bar.setAttribute("aria-valuenow", Math.floor(this.overall * 100))
    this.stop.hidden = !alive || !this.canStop
    this.stop.disabled = Boolean(this.stopping) || this.offline
    this.stop.textContent = this.stopping ? "Stopping…" : "Stop"
    this.link.hidden = !alive || !this.link.dataset.state
    this.tell()
    if (!alive || this.offline) this.rest()       // offline, what was known last stands still
    else this.ticking ??= setInterval(() => this.el.isConnected ? this.tell() : this.rest(), 1000)
    if (this.open) this.paintRows()
  }

  rest() { clearInterval(this.ticking); this.ticking = null }

  /** The line beside the title: how far, how long, how much longer. */
  tell() {
    const alive = this.alive
    const elapsed = seconds(this.started, alive ? Math.max(this.latest, this.now()) : this.latest)
    const parts = [alive ? `${number.format(this.rows[this.current]?.number ?? 0)} of ${number.format(this.total ?? 0)}` : this.summary(), alive ? duration(Math.floor(elapsed)).replace(".0", "") : duration(elapsed)]
    if (alive && this.eta > 1) parts.push(`about ${duration(Math.round(this.eta)).replace(".0", "")} left`)
    this.time.textContent = parts.filter(Boolean).join(" · ")
    if (!this.alive) this.rest()
  }

  summary() {
    if (this.status === "completed" || this.settled) return `${number.format(this.total)} ${this.total === 1 ? "step" : "steps"}`
    return `at ${this.rows[this.current]?.name}`
  }

  paintRows() {
    const windowed = this.rows.length > WINDOWED
    this.list.classList.toggle("windowed", windowed)
    let [from, to] = [0, this.rows.length]
    if (windowed) {
      this.list.style.height = `${this.rows.length * ROW + 12}px`
      if (this.follow) this.scrollToCurrent()
      from = Math.max(0, Math.floor(this.scroller.scrollTop / ROW) - 6)
      to = Math.min(to, from + Math.ceil(this.scroller.clientHeight / ROW) + 12)
    }
    for (const [i, element] of this.drawn) if (i < from || i >= to) { element.remove(); this.drawn.delete(i) }
    for (let i = from; i < to; i++) {
      const fresh = !this.drawn.has(i)
      if (fresh) this.place(i, windowed)
      if (fresh || this.dirty.has(i)) this.fill(this.drawn.get(i), i)
    }
    this.dirty.clear()
    if (this.follow && !windowed) this.scrollToCurrent()
  }

  place(i, windowed) {
    const element = h("li.row", {}, h("span.mark", {"aria-hidden": "true"}), h("span.name"), h("span.meta"), h("span.message"), h("div.bar", {"aria-hidden": "true"}, h("i")))
    if (windowed) { element.style.top = `${i * ROW + 6}px`; element.setAttribute("aria-setsize", this.rows.length); element.setAttribute("aria-posinset", i + 1) }
    this.drawn.set(i, element)
    this.list.append(element)
  }

  fill(element, i) {
    const row = this.rows[i]
    const status = this.statusOf(i)
    const [mark, name, meta, message, bar] = element.children
    element.dataset.status = mark.dataset.status = status
    if (status === "running") element.setAttribute("aria-current", "step")
    else element.removeAttribute("aria-current")
    name.textContent = row.name
    message.textContent = row.message
    meta.textContent = this.metaOf(row, status)
    bar.classList.toggle("unknown", status === "running" && row.fraction === null)
    bar.style.setProperty("--at", status === "done" ? 1 : row.fraction ?? 0)
  }

  metaOf(row, status) {
    if (status === "pending") return ""
    if (status !== "running") return row.ended && row.started ? duration(seconds(row.started, row.ended)) : ""
    const {current, total, unit} = row.count ?? {}
    if (current !== undefined) return `${number.format(current)}${total ? ` / ${number.format(total)}` : ""}${unit ? ` ${unit}` : ""}`
    return row.fraction === null ? "" : `${Math.floor(row.fraction * 100)} %`
  }

  target() {
    const top = this.list.classList.contains("windowed") ? this.current * ROW : this.drawn.get(this.current)?.offsetTop ?? 0
    return Math.max(0, Math.min(top - this.scroller.clientHeight + 2.5 * ROW, this.scroller.scrollHeight - this.scroller.clientHeight))
  }

  scrollToCurrent() { this.aimed = this.target(); if (Math.abs(this.scroller.scrollTop - this.aimed) > 1) this.scroller.scrollTop = this.aimed }

  /** Follow the running step until the reader scrolls away, and again once the reader is back. */
  scrolled() {
    this.follow = Math.abs(this.scroller.scrollTop - this.target()) < ROW || Math.abs(this.scroller.scrollTop - this.aimed) < 2
    if (this.list.classList.contains("windowed")) this.schedule()
  }
}

/** All runs of one session under each other: what the web component, Panel and notebooks show. */
export class ProgressView {
  constructor(el, {onRun = () => {}} = {}) {
    this.log = h("div.sr", {role: "log", "aria-live": "polite"})
    this.link = h("span.link", {}, h("span"))
    this.empty = h("div.empty", {}, "Waiting for the first step…", this.link)
    this.list = h("div", {style: "container-type: inline-size"})
    this.onRun = onRun
    el.append(h("style", {textContent: CSS}), this.list, this.log)
    this.reset()
  }

  reset() {
    this.views = []
    this.list.replaceChildren(this.empty)
    this.index = new RunIndex(() => this.begin())
  }

  begin() {
    this.empty.remove()
    const view = new RunView({announce: text => this.log.append(h("p", {}, text)), now: () => Date.now() + (this.client?.skew ?? 0)})
    if (this.state) view.setConnection(this.state)
    this.views.push(view)
    this.list.append(view.el)
    return {add: entries => view.add(entries, this.quiet)}
  }

  add(entries, quiet = false) {
    this.quiet = quiet
    while (this.log.childElementCount > 50) this.log.firstChild.remove()
    this.index.add(entries)
    this.onRun(this.views.at(-1))
  }

  setConnection(state) {
    this.state = this.link.dataset.state = state
    this.link.firstChild.textContent = LINK[state]
    for (const view of this.views) view.setConnection(state)
  }

  follow(sessionId, base) {
    this.close()
    this.reset()
    if (!sessionId) return
    let synced = false
    this.client = new ProgressClient(sessionId, {base, onEntries: entries => this.add(entries, !synced), onState: state => this.setConnection(state), onReset: () => this.reset(), onSynced: () => { synced = true }})
    this.client.start()
  }

  close() { this.client?.stop(); this.client = null }
}

/** Render for Panel ({model, view}) and anywidget ({model, el}). */
export function render({model, view, el}) {
  const get = name => (view ? model[name] : model.get(name))
  const set = (name, value) => { if (get(name) === value) return; if (view) model[name] = value; else { model.set(name, value); model.save_changes() } }
  const local = () => get("url") === null || get("url") === "kernel"
  const root = h("div.hw")
  const inside = view ? root : root.attachShadow({mode: "open"})     // else our style would be the notebook's, too
  let waiting = null
  const report = run => { waiting ??= setTimeout(() => { waiting = null; if (!local()) { set("run_fraction", run.overall); set("status", run.status) } }, run.alive ? 250 : 0) }
  const progress = new ProgressView(inside, {onRun: report})
  const follow = () => (local() ? progress.close() : progress.follow(get("session_id"), get("url") || document.baseURI))
  const seen = new Set()        // offsets shown: the kernel tells some entries twice, by message and as state
  const forget = () => { seen.clear(); progress.reset() }
  const take = (entries, quiet) => {
    const fresh = entries.filter(entry => !seen.has(entry.offset))
    for (const entry of fresh) seen.add(entry.offset)
    if (fresh.length) progress.add(fresh, quiet)
  }
  const restate = () => {       // a message that came before the view did is missing in the middle
    const entries = get("entries") ?? [], last = Math.max(...seen)
    if (!local()) return
    if (entries.some(entry => entry.offset < last && !seen.has(entry.offset))) forget()
    take(entries, true)
  }
  const startAgain = () => { forget(); follow() }
  restate()
  follow()
  const heard = message => { if (message?.type === "reset") forget(); if (message?.type === "entries") take(message.entries) }
  model.on(view ? "entries" : "change:entries", restate)
  model.on("msg:custom", heard)
  for (const name of ["session_id", "url"]) model.on(view ? name : `change:${name}`, startAgain)
  const leave = () => { clearTimeout(waiting); progress.close() }
  if (view) { model.on("remove", leave); return root }
  el.append(root)
  return leave
}

class HeadwayProgress extends HTMLElement {
  static observedAttributes = ["session-id", "url"]
  connectedCallback() { this.view ??= new ProgressView(this.attachShadow({mode: "open"})); this.follow() }
  attributeChangedCallback() { if (this.view) this.follow() }
  disconnectedCallback() { this.view.close() }
  follow() { this.view.follow(this.getAttribute("session-id"), this.getAttribute("url") || document.baseURI) }
}
if (!customElements.get("headway-progress")) customElements.define("headway-progress", HeadwayProgress)

export default {render}
