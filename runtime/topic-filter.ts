/** Topic filter matching [MQTT-4.7.1]. */
export function matches(filter: string, topic: string): boolean {
  if (filter === topic) return true
  const levels = topic.split('/')
  const wanted = filter.split('/')
  for (const [i, level] of wanted.entries()) {
    if (level === '#') return true
    if (i >= levels.length || (level !== '+' && level !== levels[i])) return false
  }
  return wanted.length === levels.length
}

/** Some topic matches both. */
export function overlap(filter: string, other: string): boolean {
  const [levels, others] = [filter.split('/'), other.split('/')]
  for (const [i, level] of levels.entries()) {
    if (level === '#' || others[i] === '#') return true
    if (level !== others[i] && (others[i] === undefined || ![level, others[i]].includes('+'))) return false
  }
  return others.length === levels.length || others[levels.length] === '#'
}
