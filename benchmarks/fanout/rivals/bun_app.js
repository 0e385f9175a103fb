// A native engine: Bun's server (uWebSockets in C++), its own publish/subscribe.
const STEP = {step: "Fetching relevant data", step_number: 3, total_steps: 5}
let offset = 0

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request, server) { if (!server.upgrade(request)) return new Response("no socket", {status: 400}) },
  websocket: {open(socket) { socket.subscribe("bench") }, message() {}, perMessageDeflate: false},
})
console.log(`port :${server.port}`)

const now = () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n
function publish(due) {
  const {step, ...place} = STEP
  server.publish("bench", JSON.stringify({timestamp: "2026-01-01T00:00:00.000000+00:00", step, message: `due ${due} 48,211 of 148,312 rows`, ...place, session_id: "bench", offset: ++offset}))
}

async function open(rate, most) {
  const begun = now()
  for (let done = 0; done < most;) {
    for (; done < most && begun + BigInt(Math.floor(done * 1e9 / rate)) <= now(); done++) publish(begun + BigInt(Math.floor(done * 1e9 / rate)))
    await new Promise(next => setTimeout(next, 1))
  }
}

for await (const line of console) {
  const [command, first, second] = line.split(" ")
  if (command === "burst") { const due = now(); for (let i = 0; i < Number(first); i++) publish(due) }
  if (command === "open") await open(Number(first), Number(second))
}
process.exit(0)
