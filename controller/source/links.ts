/**
 * Whether a symbolic link of a tree leads out of it. Followed as the system would, through the tree's other
 * links, whether or not anything is there: what is missing today may be there tomorrow.
 * @param path of the link, from the top of the tree
 * @param links all of the tree's links: path → target
 */
export function leavesTree(path: string, links: ReadonlyMap<string, string>): boolean {
  const ahead = path.split('/')
  const at: string[] = []
  for (let followed = 0; ahead.length; ) {
    const part = ahead.shift()!
    if (part === '' || part === '.') continue
    if (part === '..') {
      if (at.pop() === undefined) return true
      continue
    }
    at.push(part)
    const target = links.get(at.join('/'))
    if (target === undefined) continue
    if (/^([/\\]|[a-z]:)/i.test(target)) return true
    if (++followed > 40) return false // a loop: it leads nowhere
    at.pop()
    ahead.unshift(...target.split('/'))
  }
  return false
}
