// Follows the data: the page hears over one socket in which state the database is, and asks to be drawn again when
// it shows another. A hidden tab has no socket. While there is none the page looks by itself, seldom.
const RETRY_MS = [250, 500, 1000, 2000, 5000]
const LOOK_MS = 15000
const SILENCE_MS = 25000 // the server says something every 10 s
const PAUSE_MS = 300 // between two drawings: changes that come thick share one
const PATIENCE_MS = 5000 // for a drawing that was asked for
// After a click, and one on a link: only when the server has begun it is it known that it leads to another page.
const HANDS_MS = 400
const LEAVE_MS = 2000
const BUSY_MS = 50
const SIGNED_OUT = 1008
const HANDS = ["click", "keydown", "popstate"]
const WORDS = {
  live: ["Live", "This page follows every change within a second."],
  lost: ["Reconnecting", "The connection that tells of changes is lost. The page looks every 15 seconds meanwhile."],
}
const followers = new WeakMap()

// A page that asks to be drawn again while another one is on its way would take its place, or break it.
const running = () =>
  ["running", "rerunRequested"].includes(document.querySelector("[data-testid=stApp]")?.dataset.testScriptState)

class Follower {
  constructor(mark) {
    this.mark = mark
    this.tries = 0
    this.askedAt = -Infinity
    this.freeAt = -Infinity // nobody has just clicked
    this.turn = () => (document.hidden ? this.rest() : this.open())
    this.touch = (event) => {
      if (event.type === "keydown" && event.key !== "Enter") return
      const leaves = event.type === "popstate" || event.composedPath().some((part) => part.localName === "a")
      this.freeAt = performance.now() + (leaves ? LEAVE_MS : HANDS_MS)
    }
    document.addEventListener("visibilitychange", this.turn)
    for (const hand of HANDS) window.addEventListener(hand, this.touch, true)
    this.turn()
  }

  // The page has been drawn, of this state, by this instance.
  show(drawn, by, ask) {
    this.drawn = drawn
    this.by = by
    this.ask = ask
    this.asked = undefined
    this.freeAt = -Infinity
    this.compare()
  }

  compare() {
    clearTimeout(this.comparing)
    if (this.told === undefined || (this.told === this.drawn && this.teller === this.by)) return
    const wait = this.askedAt + (this.asked === this.told ? PATIENCE_MS : PAUSE_MS) - performance.now()
    if (wait > 0) this.comparing = setTimeout(() => this.compare(), wait)
    else this.look()
  }

  look() {
    clearTimeout(this.comparing)
    if (running()) this.freeAt = -Infinity
    if (running() || this.freeAt > performance.now()) {
      this.comparing = setTimeout(() => this.look(), BUSY_MS)
      return
    }
    this.asked = this.told
    this.askedAt = performance.now()
    // An instance that was started since knows nothing of this page but how to draw it from the beginning.
    if (this.teller === undefined || this.teller === this.by) this.ask("look", Date.now())
    else document.dispatchEvent(new Event("fleetcache-anew"))
  }

  open() {
    if (this.socket || document.hidden) return
    clearTimeout(this.retry)
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/live`)
    const lost = () => {
      if (this.socket === socket) this.lose(socket)
    }
    this.socket = socket
    this.listen(lost)
    socket.onmessage = (message) => {
      if (this.socket !== socket) return
      this.listen(lost)
      this.tries = 0
      this.lookNoMore()
      this.say("live")
      const { state, by } = JSON.parse(message.data)
      this.told = state
      this.teller = by
      this.compare()
    }
    socket.onclose = (event) => {
      if (this.socket !== socket) return
      lost()
      if (event.code === SIGNED_OUT) this.look()
    }
  }

  listen(lost) {
    clearTimeout(this.silence)
    this.silence = setTimeout(lost, SILENCE_MS)
  }

  lose() {
    this.close()
    this.say("lost")
    this.retry = setTimeout(() => this.open(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)])
    this.looking ??= setInterval(() => this.look(), LOOK_MS)
  }

  close() {
    for (const timer of [this.comparing, this.retry, this.silence]) clearTimeout(timer)
    const socket = this.socket
    this.socket = this.told = this.teller = undefined
    socket?.close()
  }

  // Hold nothing and do nothing.
  rest() {
    this.close()
    this.lookNoMore()
  }

  lookNoMore() {
    clearInterval(this.looking)
    this.looking = undefined
  }

  say(state) {
    if (this.mark.dataset.state === state) return
    const [word, why] = WORDS[state]
    this.mark.dataset.state = state
    this.mark.title = why
    this.mark.querySelector("span").textContent = word
  }

  end() {
    document.removeEventListener("visibilitychange", this.turn)
    for (const hand of HANDS) window.removeEventListener(hand, this.touch, true)
    this.rest()
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  let follower = followers.get(parentElement)
  if (!follower) {
    follower = new Follower(parentElement.querySelector("#live"))
    followers.set(parentElement, follower)
  }
  follower.show(data.drawn, data.by, setTriggerValue)
  return () => {
    follower.end()
    followers.delete(parentElement)
  }
}
