import { readFile } from 'node:fs/promises'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { makeAuthority } from '../../support/authority.ts'

export interface RefusingWebhook {
  /** What an API server has to know of it. */
  clientConfig: { url: string; caBundle: string }
  close(): Promise<void>
}

/** An admission webhook that refuses all that it is asked about. @param folder for its certificate */
export async function refusingWebhook(folder: string, message: string): Promise<RefusingWebhook> {
  const { caFile, tls } = await makeAuthority(folder)
  const server = https.createServer(tls, async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const { apiVersion, kind, request: asked } = JSON.parse(text)
    const answer = { uid: asked.uid, allowed: false, status: { code: 403, message } }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ apiVersion, kind, response: answer }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    clientConfig: {
      url: `https://127.0.0.1:${port}/`,
      caBundle: (await readFile(caFile)).toString('base64'),
    },
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
