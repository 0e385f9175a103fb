/** The session list: live, grouped by day, with unread dots; new, rename, delete with undo; by keyboard too. */
import {TOKENS, h} from "./progress.js"
import {call} from "./api.js"
import {icon} from "./icons.js"
import {SessionFeed} from "./session_feed.js"
import {SessionRow, age, isUnread, nameOf} from "./session_row.js"

const SHOWN = 50            // rows to begin with, and with each "Show older"
const UNDO = 6000           // ms in which a deleted session can be brought back
export const NARROW = "(max-width: 599.95px)"      // where the sidebar is a drawer above the page (Material's "sm")

const path = sessionId => `api/sessions/${encodeURIComponent(sessionId)}`

export class SessionList {
  static early = null       // drawn before its component was there: early.js

  /** `onSelect(id)`; "" is a new chat. */
  constructor(onSelect) {
    this.onSelect = onSelect
    this.selected = ""
    this.rows = new Map()
    this.limit = SHOWN
    this.leaving = new Map()        // session id -> timer: deleted here, not yet in the server
    this.name = document.title
    this.list = h("div.groups", {onkeydown: event => this.key(event)})
    this.moreButton = h("button.more", {type: "button", hidden: true, onclick: () => this.showOlder()}, "Show older")
    this.note = h("div.snack", {role: "status", hidden: true})
    this.fresh = h("button.new", {type: "button", onclick: () => this.select("")}, icon("plus", 18), h("span", {}, "New chat"))
    this.el = h("nav.sessions", {"aria-label": "Sessions"}, h("style", {textContent: TOKENS}), this.fresh, h("div.list", {}, this.list, this.moreButton), this.note)
    this.feed = new SessionFeed(() => this.draw())
    this.clock = setInterval(() => this.draw(), 30_000)
    this.seen = () => this.markRead()
    this.gone = () => this.flush()
    document.addEventListener("visibilitychange", this.seen)
    addEventListener("pagehide", this.gone)
  }

  show(sessionId) {
    this.selected = sessionId
    this.draw()
  }

  select(sessionId) {
    this.show(sessionId)
    this.onSelect(sessionId)
  }

  draw() {
    const shown = this.feed.sorted().filter(session => !this.leaving.has(session.session_id))
    this.fresh.classList.toggle("selected", this.selected === "")
    this.el.classList.toggle("offline", this.feed.offline)
    this.place(shown.slice(0, this.limit))
    this.moreButton.hidden = !this.feed.more && shown.length <= this.limit
    this.roving(shown)
    this.markRead()
    const unread = shown.filter(session => isUnread(session, session.session_id === this.selected)).length
    const session = this.feed.sessions.get(this.selected)
    document.title = `${unread ? `(${unread}) ` : ""}${session ? `${nameOf(session)} · ` : ""}${this.name}`
  }

  /** Put the rows under their headings, moving only what has to move. */
  place(shown) {
    const focused = this.list.getRootNode().activeElement
    const wanted = []
    let heading = null
    for (const session of shown) {
      const id = session.session_id
      if (age(session.last_activity) !== heading) wanted.push(this.heading(heading = age(session.last_activity)))
      if (!this.rows.has(id)) this.rows.set(id, new SessionRow(id, this))
      this.rows.get(id).update(session, id === this.selected)
      wanted.push(this.rows.get(id).el)
    }
    if (!shown.length && this.feed.loaded) wanted.push(this.none ??= h("p.none", {}, "Your chats appear here."))
    const keep = new Set(wanted)
    for (const element of [...this.list.children]) if (!keep.has(element)) element.remove()
    wanted.forEach((element, i) => { if (this.list.children[i] !== element) this.list.insertBefore(element, this.list.children[i] ?? null) })
    if (focused && this.list.contains(focused)) focused.focus({preventScroll: true})
    for (const id of this.rows.keys()) if (!this.feed.sessions.has(id)) this.rows.delete(id)
  }

  showOlder() {
    this.limit += SHOWN
    if (this.limit > this.feed.sessions.size && this.feed.more) this.feed.loadMore().catch(() => this.tell("The older sessions could not be loaded."))
    this.draw()
  }

  heading(text) {
    this.headings ??= new Map()
    if (!this.headings.has(text)) this.headings.set(text, h("h2", {}, text))
    return this.headings.get(text)
  }

  /** One row is in the tab order: the selected one, else the first. */
  roving(shown) {
    const inOrder = this.rows.get(this.selected) ?? this.rows.get(shown[0]?.session_id)
    for (const row of this.rows.values()) {
      const tabIndex = row === inOrder ? 0 : -1
      row.open.tabIndex = tabIndex
      for (const action of row.actions.children) action.tabIndex = tabIndex
    }
  }

  key(event) {
    const rows = [...this.list.querySelectorAll(".session")]
    const at = rows.findIndex(row => row.contains(event.target))
    const row = [...this.rows.values()].find(candidate => candidate.el === rows[at])
    const to = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1}[event.key]
    if (to !== undefined) rows[Math.max(0, Math.min(to, rows.length - 1))]?.querySelector(".row-open")?.focus()
    else if (event.key === "F2") row?.edit()
    else if (event.key === "Delete" && row) this.remove(row.sessionId)
    else return
    event.preventDefault()
  }

  /** Whoever looks at a session has read it. */
  markRead() {
    const session = this.feed?.sessions.get(this.selected)
    if (!session?.has_notification || document.hidden || this.reading === session.session_id) return
    this.reading = session.session_id
    call(`${path(session.session_id)}/mark-read`, {method: "POST", body: {}})
      .then(() => this.feed.patch(session.session_id, {has_notification: false, notification: null}))
      .catch(() => {})      // the dot stays; the next look tries again
      .finally(() => { this.reading = null })
  }

  async rename(sessionId, title) {
    const before = this.feed.sessions.get(sessionId)?.title
    this.feed.patch(sessionId, {title})
    try {
      await call(path(sessionId), {method: "PATCH", body: {title}})
    } catch (problem) {
      this.feed.patch(sessionId, {title: before})
      this.tell(problem.message)
    }
  }

  /** Take the row away now, delete in the server when the time to undo is over. */
  remove(sessionId) {
    const title = nameOf(this.feed.sessions.get(sessionId))
    const row = this.rows.get(sessionId).el
    const next = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector(".row-open")
    this.leaving.set(sessionId, setTimeout(() => this.destroy(sessionId), UNDO))
    if (this.selected === sessionId) this.select("")
    this.draw()
    setTimeout(() => (next ?? this.fresh).focus())      // after the chat, which takes it with the new session
    const undo = h("button", {type: "button", onclick: () => this.restore(sessionId)}, "Undo")
    this.tell(`Deleted “${title}”`, undo)
  }

  restore(sessionId) {
    clearTimeout(this.leaving.get(sessionId))
    this.leaving.delete(sessionId)
    this.note.hidden = true
    this.draw()
    this.rows.get(sessionId)?.open.focus()
  }

  async destroy(sessionId, keepalive = false) {
    clearTimeout(this.leaving.get(sessionId))
    try {
      await call(path(sessionId), {method: "DELETE", keepalive})
      this.feed.sessions.delete(sessionId)
    } catch (problem) {
      if (problem.status !== 404) this.tell(problem.message)
    }
    this.leaving.delete(sessionId)
    this.draw()
  }

  flush() { for (const sessionId of this.leaving.keys()) this.destroy(sessionId, true) }

  /** Resolve when no title is being written: moving the list would end that. */
  async rest() { while (this.el.querySelector(".row-edit")) await new Promise(done => setTimeout(done, 100)) }

  /** The list is about to move to another place in the page; the focus goes with it. */
  keepFocus() {
    const focused = this.el.getRootNode().activeElement
    if (this.el.contains(focused)) requestAnimationFrame(() => focused.focus({preventScroll: true}))
  }

  tell(message, action = null) {
    clearTimeout(this.noteTimer)
    this.note.replaceChildren(h("span", {}, message), ...[action].filter(Boolean))
    this.note.hidden = false
    this.noteTimer = setTimeout(() => { this.note.hidden = true }, UNDO)
  }

  close() {
    this.flush()
    this.feed.close()
    clearInterval(this.clock)
    document.removeEventListener("visibilitychange", this.seen)
    removeEventListener("pagehide", this.gone)
  }
}

const lists = new WeakMap()     // a drawer that opens again renders its content again: the list lives on

export async function render({model, view}) {
  const drawer = () => { if (matchMedia(NARROW).matches) model.drawer = false }
  if (!lists.has(view)) {
    const list = SessionList.early ?? new SessionList()
    await list.rest()
    list.onSelect = sessionId => { model.session_id = sessionId; drawer() }
    if (SessionList.early === list) model.session_id = list.selected
    SessionList.early = null
    lists.set(view, list)
    drawer()
  }
  const list = lists.get(view)
  model.on("session_id", () => list.show(model.session_id))
  model.on("remove", () => list.close())
  list.show(model.session_id)
  list.keepFocus()
  return list.el
}
