/** Who made a commit, when, and the first line of what they said about it. */
export interface CommitInfo {
  message: string
  author: string
  /** ISO 8601, UTC. */
  at: string
}

/** Reads a commit object: header lines, an empty line, the message. */
export function parseCommit(content: string): CommitInfo {
  const end = content.indexOf('\n\n')
  const header = end < 0 ? content : content.slice(0, end)
  const message = end < 0 ? '' : content.slice(end + 2).trimStart()
  const [, author = '', seconds = '0'] = /^author (.*?) ?<[^\n]*> (-?\d+) [+-]\d+$/m.exec(header) ?? []
  return {
    message: message.split('\n', 1)[0]!.trimEnd(),
    author,
    at: new Date(Number(seconds) * 1000).toISOString(),
  }
}
