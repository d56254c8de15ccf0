import { pbkdf2Sync, randomBytes } from 'node:crypto'

/** As mosquitto's own tools do it: enough for a password that is a long random one. */
const iterations = 101

/** The file that mosquitto's dynamic security plugin starts with, and then writes itself: one account, which may change
 *  accounts, and publish and read all. */
export function initialSecurity({ username, password }: { username: string; password: string }): string {
  const salt = randomBytes(12)
  const everywhere = ['#', '$CONTROL/dynamic-security/#', '$SYS/#']
  const acls = (['publishClientSend', 'publishClientReceive', 'subscribePattern'] as const).flatMap(acltype =>
    everywhere.map(topic => ({ acltype, topic, allow: true })),
  )
  return JSON.stringify({
    defaultACLAccess: {
      publishClientSend: false,
      publishClientReceive: true,
      subscribe: false,
      unsubscribe: true,
    },
    roles: [{ rolename: 'controller', acls }],
    clients: [
      {
        username,
        password: pbkdf2Sync(password, salt, iterations, 64, 'sha512').toString('base64'),
        salt: salt.toString('base64'),
        iterations,
        roles: [{ rolename: 'controller' }],
      },
    ],
  })
}
