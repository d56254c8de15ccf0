import type { Instance, Item, Link } from './instance.ts'

/** More than anything needs. */
const plenty = 2 ** 50

/** Ids of all rules of an instance, as `evaluate` names them; those that items have first. */
export function rulesOf({ items, nodes, links, budget }: Instance): string[] {
  return [
    ...items.flatMap(itemRules),
    ...(budget.moneyPerHour === undefined ? [] : ['budget.money']),
    ...bothWays(links).flatMap(({ from, to, bytesPerSecond }) =>
      bytesPerSecond === undefined ? [] : [`link.${from}.${to}`],
    ),
    ...nodes.flatMap(({ name }) => [`node.${name}.cpu`, `node.${name}.memory`]),
  ]
}

/** The same instance with no other rules than these, and no costs. */
export function relaxed(instance: Instance, kept: ReadonlySet<string>): Instance {
  const { budget } = instance
  const links = bothWays(instance.links).map(({ bytesPerSecond, ...link }) =>
    bytesPerSecond !== undefined && kept.has(`link.${link.from}.${link.to}`)
      ? { ...link, bytesPerSecond }
      : link,
  )
  return {
    ...instance,
    links,
    items: instance.items.map(item => withRules(item, kept)),
    nodes: instance.nodes.map(node => ({
      ...node,
      cpuMillis: kept.has(`node.${node.name}.cpu`) ? node.cpuMillis : plenty,
      memoryBytes: kept.has(`node.${node.name}.memory`) ? node.memoryBytes : plenty,
      ...(!kept.has('budget.money') && { pricePerHour: 0 }),
    })),
    // Without a limit on links, traffic has no say in what can be.
    edges: links.some(link => 'bytesPerSecond' in link) ? instance.edges : [],
    paths: [],
    goal: { latency: 0, network: 0, cost: 0 },
    tariff: { ...instance.tariff, overloadPerCore: 0, preference: 0, perMove: 0 },
    budget: kept.has('budget.money') ? { moneyPerHour: budget.moneyPerHour! } : {},
  }
}

function itemRules({ name, require, fixed, keep, near = [], apart = [], with: same = [] }: Item): string[] {
  return [
    ...(require?.arch ? [`${name}.require.arch`] : []),
    ...Object.keys(require?.labels ?? {}).map(label => `${name}.require.labels.${label}`),
    ...(fixed?.zone === undefined ? [] : [`${name}.zone`]),
    ...(fixed?.node === undefined ? [] : [`${name}.node`]),
    ...(keep ? [`${name}.keep`] : []),
    ...near.map(({ item }) => `${name}.near.${item}`),
    ...apart.map(other => `${name}.apart.${other}`),
    ...same.map(other => `${name}.with.${other}`),
  ]
}

function withRules(item: Item, kept: ReadonlySet<string>): Item {
  const { name, require, fixed, keep, near, apart, with: same, ...rest } = item
  const has = (rule: string) => kept.has(`${name}.${rule}`)
  const labels = Object.entries(require?.labels ?? {}).filter(([label]) => has(`require.labels.${label}`))
  return {
    ...rest,
    name,
    require: {
      ...(require?.arch && has('require.arch') && { arch: require.arch }),
      labels: Object.fromEntries(labels),
    },
    fixed: {
      ...(fixed?.zone !== undefined && has('zone') && { zone: fixed.zone }),
      ...(fixed?.node !== undefined && has('node') && { node: fixed.node }),
    },
    keep: keep === true && has('keep'),
    near: near?.filter(one => has(`near.${one.item}`)) ?? [],
    apart: apart?.filter(other => has(`apart.${other}`)) ?? [],
    with: same?.filter(other => has(`with.${other}`)) ?? [],
  }
}

/** A link for each direction. */
function bothWays(links: readonly Link[]): Link[] {
  const given = new Set(links.map(({ from, to }) => `${from}\n${to}`))
  return links.flatMap(link => {
    const back = { ...link, from: link.to, to: link.from }
    return given.has(`${back.from}\n${back.to}`) ? [link] : [link, back]
  })
}
