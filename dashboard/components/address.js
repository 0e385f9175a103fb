/** The page's address names the session: it can be bookmarked, sent to others, and gone back from. */

const NAME = "session"

export class Address {
  /** `onSession(id)`: the reader went back or forward. */
  constructor(onSession) {
    this.onSession = onSession
    this.moved = () => this.onSession(this.session)
    addEventListener("popstate", this.moved)
  }

  get session() { return new URLSearchParams(location.search).get(NAME) ?? "" }

  show(sessionId) {
    if (sessionId === this.session) return
    const here = new URL(location)
    if (sessionId) here.searchParams.set(NAME, sessionId)
    else here.searchParams.delete(NAME)
    history.pushState(null, "", here)
  }

  close() { removeEventListener("popstate", this.moved) }
}
