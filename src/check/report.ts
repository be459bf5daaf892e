/** A report: the findings in order, and as a short table. */
import { byImportance, CLASSES, type Finding, type FindingClass, place } from './finding.ts'

export interface Report {
  /** Nothing is unexplained. */
  readonly ok: boolean
  /** Unexplained ones first, then by class, place and offset. */
  readonly findings: readonly Finding[]
  /** How many of each class; classes without a finding are left out. */
  readonly counts: Readonly<Partial<Record<FindingClass, number>>>
  /** A table for a terminal or an error message: at most twenty findings. */
  readonly text: string
}

const MOST_SHOWN = 20

export function reportOf(found: readonly Finding[]): Report {
  const findings = [...found].sort(byImportance)
  const counts: Partial<Record<FindingClass, number>> = {}
  for (const name of CLASSES) {
    const count = findings.filter((finding) => finding.class === name).length
    if (count > 0) counts[name] = count
  }
  return { ok: findings.every(({ legal }) => legal !== null), findings, counts, text: textOf(findings) }
}

function textOf(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'Nothing lost, nothing twice, nothing out of place.'
  const unexplained = findings.filter(({ legal }) => legal === null).length
  const explained = findings.length - unexplained
  const lines = [`${plural(findings.length)}: ${unexplained} unexplained, ${explained} explained by the configuration.`]
  const rows = findings.slice(0, MOST_SHOWN).map((finding) => ({
    finding,
    where: finding.offsets.length === 0 ? place(finding.topic, finding.partition) : spot(finding),
  }))
  const classWidth = widest(rows.map(({ finding }) => finding.class))
  const whereWidth = widest(rows.map(({ where }) => where))
  for (const { finding, where } of rows) {
    const sign = finding.legal === null ? '✗' : '·'
    lines.push(`${sign} ${finding.class.padEnd(classWidth)}  ${where.padEnd(whereWidth)}  ${finding.sentence}`)
    const indent = ' '.repeat(classWidth + whereWidth + 6)
    if (finding.legal !== null) lines.push(`${indent}explained: ${finding.legal}`)
    else for (const fact of finding.evidence) lines.push(`${indent}${fact}`)
  }
  if (findings.length > MOST_SHOWN) lines.push(`… and ${findings.length - MOST_SHOWN} more.`)
  return lines.join('\n')
}

function spot({ topic, partition, offsets }: Finding): string {
  const shown = offsets.length > 3 ? `${offsets.slice(0, 3).join(',')},…` : offsets.join(',')
  return `${place(topic, partition)}@${shown}`
}

function plural(count: number): string {
  return count === 1 ? '1 finding' : `${count} findings`
}

function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, text.length), 0)
}
