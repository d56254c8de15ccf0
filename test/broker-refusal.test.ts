import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { Aedes } from 'aedes'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerClient } from '../controller/broker/broker-client.ts'
import type { Problem } from '../schema/problem.ts'

const Refusal = suite('a broker that refuses')

Refusal('says what to put in the URL when user or password are wrong', async () => {
  const broker = await Aedes.createBroker({
    authenticate: (_client, _user, _password, done) => done(null, false),
  })
  const server = createServer(broker.handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    await BrokerClient.connect(`mqtt://u:wrong@127.0.0.1:${port}`, { onChange() {}, onConnection() {} })
    assert.unreachable()
  } catch (error) {
    assert.is((error as Problem).reason, 'BrokerUnreachable')
    assert.match((error as Problem).hint!, 'USER:PASSWORD')
    assert.not.match((error as Problem).message, 'wrong')
  } finally {
    server.close()
    await new Promise<void>(resolve => broker.close(resolve))
  }
})

Refusal.run()
