/** Whether a text is a host by itself: a name or an IP address, with nothing around it. Only the text is looked at. */

/** A label of a name; underscores are in many names of containers. */
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i
const LONGEST_NAME = 253

export function isHost(text: unknown): text is string {
  if (typeof text !== 'string') return false
  if (text.includes(':')) return isIpv6(text)
  // A name's last label is no number (RFC 3696), so this was meant as an address.
  if (/(^|\.)\d+$/.test(text)) return isIpv4(text)
  const name = text.endsWith('.') ? text.slice(0, -1) : text
  return name.length <= LONGEST_NAME && name.split('.').every((label) => LABEL.test(label))
}

function isIpv4(text: string): boolean {
  const parts = text.split('.')
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)
}

/** Eight groups; `::` stands for one or more that are zero, once; the last two may be an IPv4 address; a zone may follow. */
function isIpv6(text: string): boolean {
  const [address = '', zone, ...more] = text.split('%')
  if (zone === '' || more.length > 0 || /[^\w.-]/.test(zone ?? '')) return false
  const sides = address.split('::')
  if (sides.length > 2) return false
  const groups = sides.flatMap((side) => (side === '' ? [] : side.split(':')))
  const last = groups.at(-1)
  const embedded = last?.includes('.') === true
  if (embedded && (!isIpv4(last) || address.endsWith('::'))) return false
  const count = groups.length + (embedded ? 1 : 0)
  const plain = embedded ? groups.slice(0, -1) : groups
  return plain.every((group) => /^[0-9a-f]{1,4}$/i.test(group)) && (sides.length === 2 ? count <= 7 : count === 8)
}
