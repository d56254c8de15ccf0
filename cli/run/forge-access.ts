import { Option } from 'commander'
import type { ForgeOptions } from '../../controller/forge/forge.ts'
import { Usage } from '../failure.ts'

export interface ForgeFlags {
  forge?: ForgeOptions['type']
  forgeUrl?: string
}

export const forgeOption = (what: string) =>
  new Option('--forge <TYPE>', `${what} (Forgejo speaks the API of Gitea)`).choices(['github', 'gitea'])

/** Who speaks to a forge, and how: credentials come from the environment alone and are taken out of it, as those of Git.
 *  @throws Usage */
export function forgeAccess({ forge: type, forgeUrl: url }: ForgeFlags, env = process.env) {
  const { DYNINKA_FORGE_TOKEN: token, DYNINKA_FORGE_APP_ID: appId, DYNINKA_FORGE_APP_KEY: privateKey } = env
  for (const name of ['TOKEN', 'APP_ID', 'APP_KEY']) delete env[`DYNINKA_FORGE_${name}`]
  if (!type) {
    if (url !== undefined) throw new Usage('--forge-url needs --forge: which API does it speak?')
    return undefined
  }
  if (url !== undefined && !/^https?:\/\/./.test(url))
    throw new Usage(`--forge-url: ${url} does not begin with https://`)
  if (!appId !== !privateKey)
    throw new Usage('DYNINKA_FORGE_APP_ID and DYNINKA_FORGE_APP_KEY go together; one of them is not set')
  const auth = token ? { token } : appId && privateKey ? { appId, privateKey } : undefined
  if (!auth)
    throw new Usage(
      '--forge needs a token: set DYNINKA_FORGE_TOKEN, or DYNINKA_FORGE_APP_ID and DYNINKA_FORGE_APP_KEY',
    )
  return { type, auth, ...(url !== undefined && { url }) } satisfies ForgeOptions
}
