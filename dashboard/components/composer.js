/** Where a prompt is written: grows with its text, keeps a draft per session, never loses what was typed. */
import {h} from "./progress.js"
import {icon} from "./icons.js"

const LABELS = {chart: "Chart", file: "File", text: "Findings"}
const LONGEST = 4000        // characters the server takes
const GROWS_ALONE = CSS.supports("field-sizing", "content")
const draftKey = sessionId => `headway.draft.${sessionId || "new"}`

export class Composer {
  /** `onSend(prompt, type)` is awaited; when it throws, its message is shown and the text stays. */
  constructor(onSend) {
    this.onSend = onSend
    this.sessionId = ""
    this.busy = this.offline = false
    this.error = h("p.composer-error", {role: "alert", hidden: true})
    this.input = h("textarea", {rows: 1, placeholder: "Ask for a chart, a file or findings…", "aria-label": "Prompt", maxLength: LONGEST, enterKeyHint: "send", oninput: () => this.changed(), onkeydown: event => this.key(event)})
    this.types = h("div.types", {role: "radiogroup", "aria-label": "Kind of answer"})
    this.button = h("button.send", {type: "submit", "aria-label": "Send"}, icon("send", 20))
    this.hint = h("span.hint", {}, "Enter to send, Shift + Enter for a new line")
    this.el = h("form.composer", {onsubmit: event => { event.preventDefault(); this.send() }},
      this.error, h("div.box", {}, this.input, h("div.tools", {}, this.types, this.hint, this.button)))
    this.offer([])
  }

  /** The kinds of answer that can be asked for by hand; "Auto" lets the prompt decide. */
  offer(names) {
    const option = (value, label) => h("label.type", {}, h("input", {type: "radio", name: "type", value, checked: value === ""}), h("span", {}, label))
    this.types.replaceChildren(option("", "Auto"), ...names.map(name => option(name, LABELS[name] ?? name[0].toUpperCase() + name.slice(1))))
  }

  /** Show the draft of this session. */
  open(sessionId) {
    this.sessionId = sessionId
    this.input.value = sessionStorage.getItem(draftKey(sessionId)) ?? ""
    this.fail("")
    this.resize()
  }

  setOffline(offline) { this.offline = offline; this.resize() }

  focus() { this.input.focus(); this.input.setSelectionRange(this.input.value.length, this.input.value.length) }

  changed() {
    sessionStorage.setItem(draftKey(this.sessionId), this.input.value)
    this.fail("")
    this.resize()
  }

  resize() {
    if (!GROWS_ALONE) {
      this.input.style.height = "auto"
      this.input.style.height = `${Math.max(48, Math.min(this.input.scrollHeight, 220))}px`
    }
    this.button.disabled = this.busy || this.offline || !this.input.value.trim()
    this.hint.textContent = this.offline ? "Offline. Your text is kept." : "Enter to send, Shift + Enter for a new line"
  }

  key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return
    event.preventDefault()
    this.send()
  }

  fail(message) {
    this.error.textContent = message
    this.error.hidden = !message
  }

  /** Put an example into the box, ready to be sent or changed. */
  async ask(prompt) { this.input.value = prompt; this.changed(); await this.send() }

  async send() {
    const prompt = this.input.value.trim()
    if (!prompt || this.busy || this.offline) return
    const draft = draftKey(this.sessionId)
    this.busy = this.input.readOnly = true
    this.el.setAttribute("aria-busy", "true")
    this.fail("")
    this.resize()
    try {
      await this.onSend(prompt, this.types.querySelector("input:checked")?.value || undefined)
      sessionStorage.removeItem(draft)
      this.input.value = ""
    } catch (problem) {
      this.fail(problem.message)
    }
    this.busy = this.input.readOnly = false
    this.el.removeAttribute("aria-busy")
    this.resize()
  }
}
