import { once } from 'node:events'
import { until } from '../../test/support/controlled.ts'

/** Where the inspector of a Node process listens once it gets SIGUSR1: that of one process at a time. */
const targets = 'http://127.0.0.1:9229/json/list'

/** What a Node process holds once its garbage is collected, heap and buffers, MiB. @throws when it does not answer */
export async function liveMiB(pid: number): Promise<number> {
  process.kill(pid, 'SIGUSR1')
  let debuggers: string[] = []
  await until(`process ${pid} listens to an inspector`, async () => {
    debuggers = await listening()
    return debuggers.length > 0
  })
  const socket = new WebSocket(debuggers[0]!)
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
  await until(`process ${pid} listens no more`, async () => (await listening()).length === 0)
  return (heapUsed + external) / 2 ** 20
}

const listening = () =>
  fetch(targets).then(
    async response =>
      ((await response.json()) as { webSocketDebuggerUrl: string }[]).map(
        target => target.webSocketDebuggerUrl,
      ),
    () => [],
  )
