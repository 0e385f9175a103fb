/** One row of the session list: title, time, state, and what can be done with it. */
import {h} from "./progress.js"
import {icon} from "./icons.js"

const DAY = 86_400_000
const relative = new Intl.RelativeTimeFormat(undefined, {numeric: "auto", style: "short"})
const day = new Intl.DateTimeFormat(undefined, {day: "numeric", month: "short"})
const dayAndYear = new Intl.DateTimeFormat(undefined, {day: "numeric", month: "short", year: "numeric"})
const clock = new Intl.DateTimeFormat(undefined, {hour: "2-digit", minute: "2-digit"})
const whole = new Intl.DateTimeFormat(undefined, {dateStyle: "full", timeStyle: "short"})

const midnight = time => new Date(time).setHours(0, 0, 0, 0)
const daysAgo = time => Math.round((midnight(Date.now()) - midnight(time)) / DAY)

/** "just now", "5 min. ago", "14:05", "3 Mar" in the reader's language and time zone. */
export function when(timestamp) {
  const time = Date.parse(timestamp)
  const minutes = Math.floor((Date.now() - time) / 60_000)
  if (minutes < 1) return relative.format(0, "second")
  if (minutes < 60) return relative.format(-minutes, "minute")
  if (daysAgo(time) < 2) return clock.format(time)
  return new Date(time).getFullYear() === new Date().getFullYear() ? day.format(time) : dayAndYear.format(time)
}

/** The heading a session stands under. */
export function age(timestamp) {
  const days = daysAgo(Date.parse(timestamp))
  if (days < 1) return "Today"
  if (days < 2) return "Yesterday"
  return days < 8 ? "Previous 7 days" : "Older"
}

/** What a session is called; one that nobody named, a script's say, by its id. */
export const nameOf = session => session.title || session.session_id

/** Whether its dot is to be seen: work that goes on has its spinner instead. */
export const isUnread = (session, selected) => session.has_notification && !selected && session.status !== "processing"

export class SessionRow {
  /** `list` gives select(id), rename(id, title), remove(id). */
  constructor(sessionId, list) {
    this.title = h("span.row-title")
    this.detail = h("span.row-detail")
    this.state = h("span.row-state")
    this.said = h("span.sr")
    this.open = h("button.row-open", {type: "button", tabIndex: -1, onclick: () => list.select(sessionId)}, h("span.row-text", {}, this.title, this.detail), this.said, this.state)
    const action = (label, name, act) => h("button.row-action", {type: "button", tabIndex: -1, title: label, "aria-label": label, onclick: act}, icon(name, 16))
    this.actions = h("span.row-actions", {}, action("Rename (F2)", "pencil", () => this.edit()), action("Delete", "bin", () => list.remove(sessionId)))
    this.el = h("li.session", {}, this.open, this.actions)
    Object.assign(this, {list, sessionId})
  }

  update(session, selected) {
    this.session = session
    const unread = isUnread(session, selected)
    const working = session.status === "processing"
    const failed = session.status === "error"
    this.el.dataset.state = unread ? "unread" : working ? "working" : failed ? "failed" : "read"
    this.title.textContent = nameOf(session)
    this.open.title = `${nameOf(session)}\n${whole.format(Date.parse(session.last_activity))}`
    const share = session.run_fraction === null || session.run_fraction === undefined ? "" : ` ${Math.floor(session.run_fraction * 100)} %`
    this.detail.textContent = working ? `Working…${share}` : `${failed ? "Did not finish · " : ""}${when(session.last_activity)}`
    this.state.style.setProperty("--at", session.run_fraction ?? 0)
    this.state.classList.toggle("unsure", working && !session.run_fraction)
    this.said.textContent = unread ? ", finished, not read yet" : working ? ", working" : failed ? ", did not finish" : ""
    if (selected) this.open.setAttribute("aria-current", "page")
    else this.open.removeAttribute("aria-current")
    this.el.classList.toggle("selected", selected)
  }

  /** Rename in place: Enter or leaving the field keeps the new title, Escape the old one. */
  edit() {
    const input = h("input.row-edit", {value: this.session.title, maxLength: 200, "aria-label": "Title"})
    let done = false
    const close = keep => {
      if (done) return
      done = true
      const title = input.value.trim()
      input.replaceWith(this.open)
      this.el.classList.remove("editing")
      this.open.focus()
      if (keep && title && title !== this.session.title) this.list.rename(this.sessionId, title)
    }
    input.onkeydown = event => {
      event.stopPropagation()
      if (!["Enter", "Escape"].includes(event.key) || event.isComposing) return
      event.preventDefault()      // the row has the focus from here on, and Enter would open it
      close(event.key === "Enter")
    }
    input.onblur = () => close(true)
    this.el.classList.add("editing")
    this.open.replaceWith(input)
    input.focus()
    input.select()
  }
}
