import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/** Where the inspector of a Node process listens once it gets SIGUSR1: that of one process at a time. */
const targets = 'http://127.0.0.1:9229/json/list'
const timeoutMs = 10_000

/** What a Node process holds once its garbage is collected, heap and buffers, MiB. @throws when it does not answer */
export async function liveMiB(pid: number): Promise<number> {
  process.kill(pid, 'SIGUSR1')
  const socket = new WebSocket(await until(`process ${pid} listens`, async () => (await debuggers())[0]))
  await once(socket, 'open')
  let id = 0
  const call = async (method: string, params = {}) => {
    id += 1
    socket.send(JSON.stringify({ id, method, params }))
    const [{ data }] = await once(socket, 'message')
    return JSON.parse(data).result
  }
  const evaluate = async (expression: string) =>
    (await call('Runtime.evaluate', { expression, returnByValue: true })).result.value
  if ((await evaluate('process.pid')) !== pid) throw new Error('another process listens to inspectors')
  await call('HeapProfiler.collectGarbage')
  const { heapUsed, external } = await evaluate('process.memoryUsage()')
  // Node dies now and then where it is closed while somebody is attached.
  await evaluate(`void setTimeout(() => process.getBuiltinModule('node:inspector').close(), 200)`)
  socket.close()
  await until(`process ${pid} listens no more`, async () => (await debuggers()).length === 0)
  return (heapUsed + external) / 2 ** 20
}

const debuggers = () =>
  fetch(targets).then(
    async response =>
      ((await response.json()) as { webSocketDebuggerUrl: string }[]).map(
        target => target.webSocketDebuggerUrl,
      ),
    () => [],
  )

async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  for (const end = performance.now() + timeoutMs; performance.now() < end; await sleep(50)) {
    const found = await look()
    if (found) return found
  }
  throw new Error(`waited too long until ${what}`)
}
