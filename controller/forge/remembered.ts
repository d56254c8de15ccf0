/** Of answers that may be asked for again. */
const maxAnswers = 100

interface Answer<T> {
  data: T
  headers: { etag?: string | undefined; link?: string | undefined }
}

/** Answers of a forge by what was asked: one that has not changed is not sent again, and counts nothing towards GitHub's limit
 *  of requests. [RFC 9110, 13.1.2] */
export class Remembered {
  #answers = new Map<string, Answer<unknown>>()

  /** @param ask with headers to send along */
  async get<T>(
    key: string,
    ask: (headers: { 'if-none-match'?: string }) => Promise<Answer<T>>,
  ): Promise<Answer<T>> {
    const known = this.#answers.get(key) as Answer<T> | undefined
    const etag = known?.headers.etag
    try {
      const { data, headers } = await ask(etag === undefined ? {} : { 'if-none-match': etag })
      this.#answers.delete(key) // what is asked for most is the last to go
      if (headers.etag !== undefined) this.#answers.set(key, { data, headers })
      const [oldest] = this.#answers.keys()
      if (this.#answers.size > maxAnswers) this.#answers.delete(oldest!)
      return { data, headers }
    } catch (error) {
      if ((error as { status?: number }).status === 304 && known) return known
      throw error
    }
  }
}
