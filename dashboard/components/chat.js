/** The chat: a transcript drawn from the session's log alone, and the composer below it. */
import {CSS, ProgressClient, RunIndex, h} from "./progress.js"
import {Address} from "./address.js"
import {ROOT, call, uuid, watchForRestart} from "./api.js"
import {useScripts} from "./chart.js"
import {Composer} from "./composer.js"
import {icon} from "./icons.js"
import {NARROW} from "./sessions.js"
import {Turn} from "./turn.js"
import {unknownSession, unreachable, welcome} from "./welcome.js"

const DRAWER = 450          // ms in which Material's drawer, open at first, folds away behind the early chat
const NEAR = 64             // px from the end that still count as "reading the end"
const HAS_KEYBOARD = matchMedia("(hover: hover)").matches       // else focus would bring up one on the screen
const BANNERS = {
  reconnecting: "The connection was lost. Reconnecting…",
  polling: "Live updates are blocked on this network: asking the server for news instead.",
  offline: "The server cannot be reached. What you see is what arrived so far; the page catches up by itself.",
  refused: "The server refused this page. Log in again or reload.",
}

export class Chat {
  static early = null       // drawn before its component was there: early.js

  /** `onSession(id)`: the chat has moved to another session by itself (first prompt, "New chat"). */
  constructor(onSession, address) {
    Object.assign(this, {onSession, address})
    this.types = []
    this.pinned = true
    this.composer = new Composer((prompt, type) => this.send(prompt, type))
    this.stage = h("div.stage")
    this.log = h("div.sr", {role: "log", "aria-live": "polite"})
    this.jump = h("button.jump", {type: "button", hidden: true, "aria-label": "Jump to the latest", onclick: () => this.toEnd(true)}, icon("down", 18))
    this.scroller = h("div.scroller", {tabIndex: 0, role: "region", "aria-label": "Conversation", onscroll: () => this.scrolled()}, this.stage)
    this.banner = h("div.banner", {role: "status", hidden: true})
    this.el = h("div.conversation", {}, h("style", {textContent: CSS}), this.scroller, h("div.dock", {}, this.jump, this.banner, this.composer.el), this.log)
    this.growth = new ResizeObserver(() => this.pinned ? this.toEnd() : this.scrolled())
    this.growth.observe(this.stage)
    this.hotkeys = event => this.hotkey(event)
    document.addEventListener("keydown", this.hotkeys)
    this.learn()
  }

  async learn() {
    try {
      this.types = await call("api/request-types")
      this.composer.offer(this.types.map(({type}) => type))
      if (this.blank) this.showWelcome()
    } catch { /* the state of the connection says it; the examples come with the next welcome */ }
  }

  /** Show a session; "" is a new one, made by its first prompt. */
  open(sessionId) {
    if (this.sessionId === sessionId) return
    this.sessionId = sessionId
    this.client?.stop()
    this.client = null
    this.composer.open(sessionId)
    this.log.replaceChildren()
    this.pinned = true
    this.setConnection(null)
    if (sessionId) this.follow(sessionId)
    else this.showWelcome()
    this.address?.show(sessionId)
    if (HAS_KEYBOARD) this.composer.focus()
  }

  /** From now on a component hears which session is shown. It moves to its place, and nobody shall see that. */
  adopt(onSession) {
    const nowhere = document.activeElement === document.body || matchMedia(NARROW).matches
    const focused = this.el.getRootNode().activeElement ?? (HAS_KEYBOARD && nowhere ? this.composer.input : null)
    const {pinned, scroller: {scrollTop}} = this        // what moves is scrolled to its top
    const following = Array.from(this.turns ?? [], ({run}) => [run, run.follow])
    this.ready = () => {
      if (this.el.contains(focused)) focused.focus({preventScroll: true})
      for (const [run, follow] of following) { run.follow = follow; run.schedule() }
      this.scroller.scrollTop = scrollTop
      this.pinned = pinned
      if (pinned) this.toEnd()
    }
    for (const element of this.el.querySelectorAll(".welcome, .result > *")) element.style.animation = "none"
    this.onSession = this.address.onSession = onSession
    onSession(this.sessionId)
  }

  /** It stands in the page now. */
  ready() {
    if (HAS_KEYBOARD) this.composer.focus()
    if (this.pinned) this.toEnd()
  }

  follow(sessionId) {
    this.replaying = true
    this.clear(false)
    this.client = new ProgressClient(sessionId, {
      base: ROOT.href,
      onEntries: entries => this.add(entries),
      onState: state => this.setConnection(state),
      onReset: () => { this.replaying = true; this.clear(true) },
      onSynced: exists => this.synced(exists),
    })
    this.client.start()
  }

  /** Forget the transcript; what was shown stays in sight until there is something else to show. */
  clear(now) {
    this.transcript = h("div.transcript")
    this.turns = new Set()
    this.blank = false
    this.index = new RunIndex(first => {
      const turn = new Turn(first, this)
      if (this.state) turn.run.setConnection(this.state)
      this.turns.add(turn)
      this.transcript.append(turn.el)
      return turn
    })
    if (now) this.stage.replaceChildren(this.transcript)
  }

  add(entries) {
    this.index.add(entries)
    if (!this.transcript.isConnected) { this.stage.replaceChildren(this.transcript); this.pinned = true }
    if (this.pinned) this.toEnd()
  }

  synced(exists) {
    this.replaying = false
    if (this.client.since) return
    if (exists) this.showWelcome()
    else this.stage.replaceChildren(unknownSession(() => { this.open(""); this.onSession("") }))
  }

  showWelcome() {
    this.blank = true
    this.pinned = false
    this.stage.replaceChildren(welcome(this.types, prompt => this.composer.ask(prompt)))
  }

  setConnection(state) {
    this.state = state
    for (const turn of this.turns ?? []) turn.run.setConnection(state)
    clearTimeout(this.bannerTimer)
    const text = BANNERS[state]
    this.composer.setOffline(state === "offline")
    const nothing = state === "offline" && !this.client.since
    if (nothing) this.stage.replaceChildren(unreachable(() => this.client.wake()))
    if (state === "reconnecting" || state === "offline") watchForRestart()
    if (!text || nothing) { this.banner.hidden = true; return }
    this.bannerTimer = setTimeout(() => {
      this.banner.replaceChildren(icon(state === "refused" ? "alert" : "cloud", 16), text)
      this.banner.dataset.state = state
      this.banner.hidden = false
    }, state === "reconnecting" ? 1500 : 0)
  }

  async send(prompt, type) {
    const sessionId = this.sessionId || uuid()
    await call(`api/sessions/${encodeURIComponent(sessionId)}/requests`, {method: "POST", body: type ? {prompt, type} : {prompt}})
    this.pinned = true
    if (sessionId !== this.sessionId) { this.open(sessionId); this.onSession(sessionId) }
    else this.toEnd()
  }

  // What a Turn asks of its chat.
  ask(prompt) { return this.composer.ask(prompt) }
  say(text) {
    while (this.log.childElementCount > 50) this.log.firstChild.remove()
    this.log.append(h("p", {}, text))
  }
  complain(message) { this.composer.fail(message) }
  now() { return Date.now() + (this.client?.skew ?? 0) }
  async retry(runId, button) {
    button.disabled = true
    this.pinned = true
    try { await call(`api/runs/${encodeURIComponent(runId)}/retry`, {method: "POST", body: {}}) } catch (problem) { this.complain(problem.message) }
    button.disabled = false
  }

  toEnd(smooth = false) {
    this.pinned = true
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches
    this.scroller.scrollTo({top: this.scroller.scrollHeight, behavior: smooth && !calm ? "smooth" : "instant"})
  }

  /** Follow the end until the reader scrolls up, and again once the reader is back. */
  scrolled() {
    const {scrollTop, scrollHeight, clientHeight} = this.scroller
    const rest = scrollHeight - clientHeight - scrollTop
    if (scrollTop < (this.scrolledTo ?? 0) - 1 && rest > 8) this.pinned = false
    if (rest < NEAR && scrollTop >= (this.scrolledTo ?? 0)) this.pinned = true
    this.scrolledTo = scrollTop
    this.jump.hidden = this.pinned || this.blank || rest < NEAR
  }

  hotkey(event) {
    const typing = event.composedPath()[0].matches?.("input, textarea, select, [contenteditable]")
    const plain = ["/", "Escape"].includes(event.key) && !typing && !event.ctrlKey && !event.metaKey
    const wanted = plain || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey))
    if (!wanted) return
    event.preventDefault()
    this.composer.focus()
  }

  close() {
    this.address?.close()
    this.client?.stop()
    this.growth.disconnect()
    document.removeEventListener("keydown", this.hotkeys)
  }
}

export async function render({model}) {
  useScripts(model.chart_scripts)
  const select = sessionId => { model.session_id = sessionId }
  const early = model.address ? Chat.early : null
  const chat = early ?? new Chat(select, model.address ? new Address(select) : null)
  Chat.early = null
  model.on("session_id", () => chat.open(model.session_id))
  model.on("remove", () => chat.close())
  if (early && matchMedia(NARROW).matches) await new Promise(done => setTimeout(done, DRAWER))
  if (early) early.adopt(select)
  else chat.open(model.session_id)
  requestAnimationFrame(() => {
    document.getElementById("headway-shape")?.remove()
    chat.ready()
  })
  return chat.el
}
