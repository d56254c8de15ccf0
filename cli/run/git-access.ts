import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ControllerOptions } from '../../controller/options.ts'
import { Usage } from '../failure.ts'

export interface GitFiles {
  sshKey?: string
  knownHosts?: string
  allowedSigners?: string
}

/** How a repository is reached. A password comes from the environment alone, where no list of processes shows it,
 *  and is taken out of it: no program that is started needs it. @throws Usage */
export function gitAccess({ sshKey, knownHosts, allowedSigners }: GitFiles, env = process.env) {
  const { DYNINKA_GIT_USERNAME: username, DYNINKA_GIT_PASSWORD: password } = env
  delete env.DYNINKA_GIT_USERNAME
  delete env.DYNINKA_GIT_PASSWORD
  if (!username !== !password)
    throw new Usage('DYNINKA_GIT_USERNAME and DYNINKA_GIT_PASSWORD go together; one of them is not set')
  const keyFile = fileOf('--ssh-key', sshKey)
  const knownHostsFile = fileOf('--known-hosts', knownHosts)
  const signers = fileOf('--allowed-signers', allowedSigners)
  return {
    ...(username && password && { credentials: { username, password } }),
    ...((keyFile || knownHostsFile) && {
      ssh: { ...(keyFile && { keyFile }), ...(knownHostsFile && { knownHostsFile }) },
    }),
    ...(signers && { requireSignature: { allowedSigners: signers } }),
  } satisfies ControllerOptions['git']
}

function fileOf(option: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  if (!statSync(path, { throwIfNoEntry: false })?.isFile())
    throw new Usage(`${option}: there is no file ${path}`)
  return resolve(path)
}
