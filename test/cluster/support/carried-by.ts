import { connectAsync } from 'mqtt'

/** Topics of the data plane that a broker carries, by who sends. @param whileIt lasts */
export async function carriedBy(url: string, flow: string, whileIt: () => Promise<void>): Promise<string[]> {
  const client = await connectAsync(url)
  const topics = new Set<string>()
  client.on('message', topic => topics.add(topic.split('/')[3]!))
  await client.subscribeAsync(`dyninka/${flow}/data/#`)
  await whileIt()
  await client.endAsync()
  return [...topics].toSorted()
}
