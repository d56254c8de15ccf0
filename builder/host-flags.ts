/** Of Node, for `host.mjs`. With its default young generation a host that carries much holds 210 MB instead of 130, and is
 *  no faster; with one of 8 MB, 110, and is slower. Few hosts have a core for each thread that would collect it. */
export const hostFlags = ['--enable-source-maps', '--max-semi-space-size=16', '--no-parallel-scavenge']
