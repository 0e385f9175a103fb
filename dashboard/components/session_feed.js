/** The sessions of the server, kept current: /ws/sessions, and GET /api/sessions every 5 s while there is no socket. */
import {ROOT, call, watchForRestart} from "./api.js"

const LISTED = 500          // sessions in a snapshot, those with the newest activity
const REFRESH = 5000        // ms between two looks while the socket is down

export class SessionFeed {
  /** `onChange()` after each change. */
  constructor(onChange) {
    Object.assign(this, {onChange, sessions: new Map(), live: false, offline: false, loaded: false, more: false, attempts: 0, running: true})
    this.wake = () => { if (!document.hidden && !this.live) this.connect() }
    document.addEventListener("visibilitychange", this.wake)
    addEventListener("online", this.wake)
    this.connect()
  }

  /** Newest activity first. */
  sorted() { return [...this.sessions.values()].sort((a, b) => (a.last_activity < b.last_activity ? 1 : -1)) }

  connect() {
    clearTimeout(this.timer)
    const address = new URL("ws/sessions", ROOT)
    address.protocol = address.protocol.replace("http", "ws")
    const socket = this.socket = new WebSocket(address)
    const current = () => socket === this.socket && this.running
    socket.onopen = () => { if (current()) { this.live = true; this.attempts = 0; clearInterval(this.polling); this.polling = null } }
    socket.onmessage = ({data}) => { if (current()) this.take(JSON.parse(data)) }
    socket.onclose = () => { if (current()) this.lost() }
  }

  lost() {
    this.live = false
    watchForRestart()
    this.attempts += 1
    this.timer = setTimeout(() => this.connect(), Math.min(4000, 200 * 2 ** this.attempts) * (0.5 + Math.random() / 2))
    this.polling ??= setInterval(() => this.refresh(), REFRESH)
    if (this.attempts === (this.loaded ? 2 : 1)) this.refresh()
  }

  async refresh() {
    await call(`api/sessions?limit=${LISTED}`).then(
      list => { if (!this.live) this.take(list) },
      problem => { if (!this.live) { this.offline = problem.status === 0; this.onChange() } })
  }

  take(message) {
    this.offline = false
    if (Array.isArray(message)) this.snapshot(message)
    else if (message.deleted) this.sessions.delete(message.session_id)
    else this.sessions.set(message.session_id, message)
    this.loaded = true
    this.onChange()
  }

  /** The newest ones: what should be on it and is not is gone; older ones, loaded before, stay. */
  snapshot(list) {
    const whole = list.length < LISTED
    const oldest = list.at(-1)?.last_activity ?? ""
    const named = new Set(list.map(session => session.session_id))
    for (const [id, session] of this.sessions) if (!named.has(id) && (whole || session.last_activity > oldest)) this.sessions.delete(id)
    for (const session of list) this.sessions.set(session.session_id, session)
    this.more = !whole && this.next !== null
  }

  /** Follow the list's own link to the next page (RFC 8288). */
  async loadMore() {
    for (const first = this.next === undefined; this.next !== null;) {
      const answer = await fetch(new URL(this.next ?? `api/sessions?limit=${LISTED}`, ROOT))
      for (const session of await answer.json()) this.sessions.set(session.session_id, session)
      this.next = /<([^>]+)>;\s*rel="?next/.exec(answer.headers.get("Link") ?? "")?.[1] ?? null
      if (!first || this.sessions.size > LISTED) break
    }
    this.more = this.next !== null
    this.onChange()
  }

  /** Change what is shown at once; the server's own word comes back through the socket. */
  patch(sessionId, changes) {
    const session = this.sessions.get(sessionId)
    if (session) this.sessions.set(sessionId, {...session, ...changes})
    this.onChange()
  }

  close() {
    this.running = false
    clearTimeout(this.timer)
    clearInterval(this.polling)
    clearInterval(this.polling)
    document.removeEventListener("visibilitychange", this.wake)
    removeEventListener("online", this.wake)
    this.socket?.close()
  }
}
