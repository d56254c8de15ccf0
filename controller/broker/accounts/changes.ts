import type { Acl, Command, DynamicSecurity } from './dynamic-security.ts'
import type { Rights } from './rights.ts'

/** What the broker has, by name; a client and its role have the same. */
export interface Accounts {
  /** Rules, printed. */
  roles: Map<string, Set<string>>
  /** The mark of the key that each one's password was made with. */
  clients: Map<string, string>
}

export interface Passwords {
  mark: string
  passwordOf(name: string): string
}

export const accountsOf = ({ roles, clients }: Awaited<ReturnType<DynamicSecurity['list']>>): Accounts => ({
  roles: new Map(roles.map(({ rolename, acls }) => [rolename, new Set(acls.map(print))])),
  clients: new Map(clients.map(({ username, textdescription = '' }) => [username, textdescription])),
})

/** The commands that give `rights` to accounts of these names. Pure; none when all is so already. Rules are added and
 *  taken away one by one: no connection is closed for it, as it is for another password.
 *  @param prefix of accounts that are to have nothing else, if any */
export function changesTo(
  rights: Map<string, Rights>,
  { roles, clients }: Accounts,
  { mark, passwordOf }: Passwords,
  prefix?: string,
): Command[] {
  const commands: Command[] = []
  for (const [name, wanted] of rights) {
    const acls = aclsOf(wanted)
    const has = roles.get(name)
    if (!has) commands.push({ command: 'createRole', rolename: name, acls: acls.map(allowed) })
    else {
      const missing = acls.filter(acl => !has.has(print(acl)))
      commands.push(...missing.map(acl => ({ command: 'addRoleACL', rolename: name, ...allowed(acl) })))
      const keep = new Set(acls.map(print))
      const extra = prefix === undefined ? [] : [...has].filter(acl => !keep.has(acl))
      commands.push(...extra.map(acl => ({ command: 'removeRoleACL', rolename: name, ...parse(acl) })))
    }
    const client = { username: name, password: passwordOf(name), textdescription: mark }
    const role = { roles: [{ rolename: name, priority: 0 }] }
    if (!clients.has(name)) commands.push({ command: 'createClient', ...client, ...role })
    else if (clients.get(name) !== mark) commands.push({ command: 'modifyClient', ...client, ...role })
  }
  if (prefix === undefined) return commands
  const isLeft = (name: string) => name.startsWith(prefix) && !rights.has(name)
  return [
    ...commands,
    ...[...clients.keys()].filter(isLeft).map(username => ({ command: 'deleteClient', username })),
    ...[...roles.keys()].filter(isLeft).map(rolename => ({ command: 'deleteRole', rolename })),
  ]
}

const aclsOf = ({ publish, subscribe }: Rights): Acl[] => [
  ...publish.map((topic): Acl => ({ acltype: 'publishClientSend', topic })),
  ...subscribe.map((topic): Acl => ({ acltype: 'subscribePattern', topic })),
]

const allowed = (acl: Acl) => ({ ...acl, priority: 0, allow: true })

const print = ({ acltype, topic }: Acl) => `${acltype} ${topic}`

function parse(text: string): Acl {
  const space = text.indexOf(' ')
  return { acltype: text.slice(0, space) as Acl['acltype'], topic: text.slice(space + 1) }
}
