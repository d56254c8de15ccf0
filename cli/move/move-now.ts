import type { ControllerOptions } from '../command.ts'
import { paint } from '../paint.ts'
import { type Decision, whereTo } from './where-to.ts'

interface Options extends ControllerOptions {
  flow?: string
  json?: true
}

/** Has the controller move what runs. @throws Problem when it may not be there */
export async function moveNow(name: string, to: Decision, options: Options): Promise<void> {
  const { connect } = await import('../api/connect.ts')
  const { api, flow } = await (await connect(options)).placeOf(name, options.flow)
  const { moved } = await api.post<{ moved: string[] }>('/api/move', { flow, function: name, ...to })
  if (options.json) return console.log(JSON.stringify({ function: name, flow, to, moved }))
  const isBack = to.zone === undefined && to.node === undefined
  const names = moved.join(', ')
  const verb = moved.length === 1 ? 'goes' : 'go'
  console.log(
    isBack
      ? `${paint('green', '✓')} ${names} ${verb} where the file says`
      : `${paint('green', '✓')} ${names} ${verb} to ${whereTo(to)}, until the next revision\n` +
          `  \`dyninka status\` shows it; \`dyninka move ${name} --back --now\` ends it`,
  )
}
