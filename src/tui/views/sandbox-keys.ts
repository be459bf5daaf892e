/** The sandbox's live keys, for its footer. */
import { targetName } from '../models/cluster.ts'
import { chosenGroup, chosenMember, faultTarget, showsCoordinator, showsGroup } from '../models/selection.ts'
import type { SandboxState } from '../state.ts'
import type { ViewContext } from './context.ts'
import type { KeyHint } from './frame.ts'

export function sandboxKeys(sandbox: SandboxState, context: ViewContext): KeyHint[] {
  const { t } = context
  const paused = sandbox.snapshot?.paused ?? false
  return [
    { keys: 'p', does: t('key.produce') },
    { keys: 'P', does: t('key.burst') },
    ...(sandbox.pane === 'transactions' ? transactionKeys(context) : consumerKeys(sandbox, context)),
    ...faultKeys(sandbox, context),
    { keys: 'Space', does: t(paused ? 'key.play' : 'key.pause') },
    ...(paused ? [{ keys: '.', does: t('key.step') }] : []),
    { keys: '+ -', does: t('key.speed') },
    { keys: '1-6', does: t('key.views') },
    { keys: 'r', does: t('key.reset') },
    { keys: '?', does: t('key.help') },
    { keys: 'q', does: t('key.leave') },
  ]
}

function transactionKeys({ t }: ViewContext): KeyHint[] {
  return [
    { keys: 'n', does: t('key.begin') },
    { keys: 'w', does: t('key.write-in') },
    { keys: 'm', does: t('key.commit') },
    { keys: 'u', does: t('key.abort') },
    { keys: 'k', does: t('key.kill-producer') },
    { keys: 'c', does: t('key.consumer') },
  ]
}

function consumerKeys(sandbox: SandboxState, { t, glyphs }: ViewContext): KeyHint[] {
  const { snapshot, pane } = sandbox
  const member = snapshot ? chosenMember(snapshot, sandbox) : null
  const group = snapshot ? chosenGroup(snapshot, sandbox) : null
  const several = (snapshot?.groups.length ?? 0) > 1
  const arrows = `${glyphs.up} ${glyphs.down}`
  return [
    ...(several && group !== null
      ? [{ keys: 'c', does: t('key.consumer.in', { group }) }]
      : [{ keys: 'c', does: t('key.consumer') }]),
    ...(member === null ? [] : [{ keys: arrows, does: member.client }]),
    { keys: 'k', does: t('key.kill') },
    { keys: 'f', does: t(member?.process === 'frozen' ? 'key.thaw' : 'key.freeze') },
    { keys: 's', does: t('key.stop') },
    ...(showsGroup(pane)
      ? [
          ...(several ? [{ keys: 'g', does: t('key.group') }] : []),
          { keys: 'n', does: t('key.new-group') },
          { keys: 'd', does: t('key.delete-group') },
        ]
      : []),
    ...(pane === 'offsets'
      ? [
          { keys: 'a', does: t(sandbox.allOffsets ? 'key.one-group' : 'key.all-groups') },
          { keys: arrows, does: t('key.scroll') },
        ]
      : []),
    ...(pane === 'events' ? [{ keys: arrows, does: t('key.scroll') }] : []),
  ]
}

/** What a fault will hit is named, wherever the pointer is. */
function faultKeys(sandbox: SandboxState, { t, glyphs }: ViewContext): KeyHint[] {
  const { snapshot, pane } = sandbox
  const target = snapshot ? faultTarget(snapshot, sandbox) : undefined
  const ofCoordinator = showsCoordinator(pane)
  const kind = ofCoordinator ? 'coordinator' : target?.kind
  const name =
    target === undefined || kind === undefined ? '' : t(`sandbox.target.${kind}`, { name: targetName(target) })
  return [
    ...(pane === 'all' || pane === 'partitions'
      ? [{ keys: `${glyphs.up} ${glyphs.down}`, does: t('key.choose') }]
      : []),
    ...(target === undefined ? [] : [{ keys: 'x', does: t('key.crash', { target: name }) }]),
    { keys: 'b', does: t('key.restart') },
    ...(ofCoordinator
      ? []
      : [
          { keys: 't', does: t('key.cut') },
          { keys: 'h', does: t('key.heal') },
        ]),
  ]
}
