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

Refusal('says to look at host and port when something else listens there', async () => {
  const server = createServer(socket => socket.end('HTTP/1.0 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    await BrokerClient.connect(`mqtt://127.0.0.1:${port}`, { onChange() {}, onConnection() {} })
    assert.unreachable()
  } catch (error) {
    assert.is((error as Problem).reason, 'BrokerUnreachable')
    assert.match((error as Problem).hint!, 'host and port')
  } finally {
    server.close()
  }
})

Refusal.run()
