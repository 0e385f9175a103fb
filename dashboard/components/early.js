/**
 * Draws the session list and the chat while Panel's scripts are still on their way, in the page's own first
 * shape; the components take both over, as they are, when they come. For Headway's own page alone.
 */
import {h} from "./progress.js"
import {Address} from "./address.js"
import {Chat} from "./chat.js"
import {SessionList} from "./sessions.js"

async function show(place, style, element) {
  const root = place.attachShadow({mode: "open"})
  const sheet = h("link", {rel: "stylesheet", href: new URL(style, import.meta.url).href})
  const loaded = new Promise(done => { sheet.onload = sheet.onerror = done })
  root.append(sheet)
  await loaded
  if (!element.isConnected) root.append(element)
}

const shape = document.getElementById("headway-shape")
if (shape) {
  const list = SessionList.early = new SessionList(sessionId => chat.open(sessionId))
  const address = new Address(sessionId => { list.show(sessionId); chat.open(sessionId) })
  const chat = Chat.early = new Chat(sessionId => list.show(sessionId), address)
  list.show(address.session)
  chat.open(address.session)
  show(shape.querySelector("aside"), "sessions.css", list.el)
  show(shape.querySelector("main"), "chat.css", chat.el).then(() => chat.ready())
}
