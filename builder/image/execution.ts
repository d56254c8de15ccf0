import { basename } from 'node:path'
import { hostFlags } from '../host-flags.ts'
import type { Execution } from './image.ts'

/** Who runs in a container: nobody in particular, as in the images of others. */
export const user = '65532:65532'

/** Where things are in an image. A function may also be mounted there, from elsewhere. */
export const paths = {
  host: '/dyninka/host.mjs',
  folder: '/dyninka/function',
  code: '/dyninka/function/function.mjs',
}

/** How a host is started on top of a base. Node is the base's own entry point, or else in its PATH. */
export function execute(base: Execution, options: { code?: boolean } = {}): Execution {
  const [program, ...more] = base.Entrypoint ?? []
  const isNode = program !== undefined && more.length === 0 && /^node(js)?$/.test(basename(program))
  const { Cmd: _, Healthcheck: __, ...rest } = base
  return {
    ...rest,
    User: user,
    Env: [...(base.Env ?? []), ...(options.code ? [`DYNINKA_CODE=${paths.code}`] : [])],
    Entrypoint: [isNode ? program : 'node', ...hostFlags, paths.host],
    WorkingDir: '/dyninka',
  }
}
