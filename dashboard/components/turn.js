/** One run in the transcript: the prompt, its live progress, its result. */
import {RunView, h, isTerminal} from "./progress.js"
import {call} from "./api.js"
import {results} from "./results.js"

const FOLD_AFTER = 700      // ms the finished steps stay open below the eyes of whoever watched them

export class Turn {
  /** `chat` gives ask(prompt), retry(runId, button), say(text), now(), and `replaying`. */
  constructor(first, chat) {
    this.chat = chat
    this.runId = first.run_id ?? null
    this.run = new RunView({onStop: this.runId && (() => this.cancel()), announce: text => chat.say(text), now: () => chat.now()})
    this.result = h("div.result")
    this.el = h("article.turn", {}, this.run.el, this.result)
  }

  add(entries) {
    const quiet = this.chat.replaying
    const prompt = entries.find(entry => entry.data?.prompt)?.data.prompt
    if (prompt && !this.prompt) this.showPrompt(prompt)
    this.run.add(entries, quiet)
    const last = entries.find(isTerminal)
    if (last && !this.ended) this.end(last, quiet)
  }

  showPrompt(prompt) {
    this.prompt = prompt
    this.el.setAttribute("aria-label", `Request: ${prompt}`)
    this.el.prepend(h("div.bubble", {}, h("span.sr", {}, "You asked: "), prompt))
  }

  end(entry, quiet) {
    this.ended = true
    this.result.append(...results(entry, {
      ask: prompt => this.chat.ask(prompt),
      retry: (runId, button) => this.chat.retry(runId, button),
    }))
    if (!this.runId) return
    if (quiet) this.run.toggle(false)
    else setTimeout(() => { if (!this.run.touched && !this.run.el.matches(":hover, :focus-within")) this.run.toggle(false) }, FOLD_AFTER)
  }

  /** Ask the server to stop the run; false when that could not be asked. */
  async cancel() {
    try {
      await call(`api/runs/${encodeURIComponent(this.runId)}/cancel`, {method: "POST", body: {}})
      return true
    } catch (problem) {
      this.chat.complain(problem.message)
      return false
    }
  }
}
