/**
 * Seeds that once found something. They are run again with every change; what they found is in the words after them. A seed replays the
 * same faults at the same times, but not the same events once the code has changed: where the bug depended on those, a
 * planted mutant or a test beside the code keeps it.
 */
import type { ScenarioName } from '../src/run/options.ts';

export interface Case {
  readonly scenario: ScenarioName;
  readonly seed: number;
  readonly found: string;
}

export const CASES: readonly Case[] = [
  { scenario: 'mirror', seed: 1, found: 'duties of a handshake nested; flush epochs went backwards' },
  {
    scenario: 'mirror',
    seed: 2,
    found: 'a flush in a new term was answered without flushing what older terms had left',
  },
  { scenario: 'mirror', seed: 3, found: 'the queue of held writes changed under the loop that admitted it' },
  {
    scenario: 'mirror',
    seed: 4,
    found:
      'an asynchronous primary took peers into the set that lagged behind, and put them out again, for ever',
  },
  {
    scenario: 'mirror',
    seed: 5,
    found: 'a resync cleared bits although its source had never flushed the blocks',
  },
  {
    scenario: 'mirror',
    seed: 6,
    found: 'a crashed primary came back and overwrote the replica that had everything',
  },
  { scenario: 'mirror', seed: 10, found: 'a replaced connection was not counted as a loss of the peer' },
  {
    scenario: 'mirror',
    seed: 15,
    found: 'a split brain was seen although every term was granted by one arbiter',
  },
  { scenario: 'mirror', seed: 16, found: 'a metadata round began inside the end of another' },
  {
    scenario: 'mirror',
    seed: 33,
    found: 'a member of the set became a resync target and could not be promoted any more',
  },
  { scenario: 'mirror', seed: 49, found: 'a half-copied member of the set was promoted' },
  { scenario: 'mirror', seed: 1063, found: 'a copy did not bring the identity of the volume along' },
  {
    scenario: 'mirror',
    seed: 1145,
    found:
      'a disk that was rolled back and copied anew was called rolled back at every later meeting, and refused',
  },
  {
    scenario: 'mirror',
    seed: 1161,
    found:
      'a disk that was put back to a generation of its own was called the other side of a split brain by a member that knew it',
  },
  {
    scenario: 'mirror',
    seed: 2000466,
    found:
      'a replica that was half copied waited for ever for a disk that was put back and made whole while it was away',
  },
  {
    scenario: 'mirror',
    seed: 2000515,
    found:
      'a member forgot what it had met of a disk that came into the set, and did not see that it was put back afterwards',
  },
  {
    scenario: 'mirror',
    seed: 20932,
    found:
      'a third replica met a disk that was put back twice and called it rolled back for ever, also when it was whole, and primary',
  },
  {
    scenario: 'mirror',
    seed: 40,
    found:
      'the last member of the set, whose disk had been put back and made whole, was overwritten by a replica outside',
  },
  {
    scenario: 'mirror',
    seed: 256,
    found:
      'two replicas outside the newest set that they knew took each other for the other side of a split brain',
  },
  {
    scenario: 'mirror',
    seed: 328,
    found: 'a superblock that only a cache had was believed, and the other slot overwritten',
  },
  {
    scenario: 'mirror',
    seed: 341,
    found: 'a disk that was put back and attached again as often as before was not found out',
  },
  {
    scenario: 'mirror',
    seed: 4122,
    found:
      'a flush round that began while a peer was being given up let go of what that peer had not flushed',
  },
  {
    scenario: 'standalone',
    seed: 30,
    found:
      'after a copy whose end its source did not hear of both sides went on under one name; a split brain was taken for an older copy',
  },
  {
    scenario: 'standalone',
    seed: 85,
    found:
      'a side promoted by force wrote under the name of its last copy while it was copied from; its writes were thrown away',
  },
  {
    scenario: 'standalone',
    seed: 80019,
    found:
      'the source of a copy took the higher term of a target that had written nothing; the copy was cut short, turned round, and overwrote what only the source had',
  },
  {
    scenario: 'standalone',
    seed: 80293,
    found: 'both sides were promoted without force in the moment before they noticed that their link was cut',
  },
  {
    scenario: 'standalone',
    seed: 80750,
    found:
      'a primary and a secondary with a term of another grantor refused each other for ever, although the operator had said whose changes go',
  },
  {
    scenario: 'standalone',
    seed: 81028,
    found:
      'a frozen primary met the survivor that had been promoted; it had written nothing, and the policy threw away what the survivor had',
  },
  {
    scenario: 'standalone',
    seed: 83,
    found:
      'a replica was promoted without force while a copy into it began; its source had a name of its own by then, and a split brain threw its writes away',
  },
  {
    scenario: 'standalone',
    seed: 120145,
    found:
      'an image was asked for a write that no flush had covered, and that the power took after its point had begun, before the copy came to it',
  },
  {
    scenario: 'standalone',
    seed: 120438,
    found:
      'a copy was paused because its rescue journal had failed, its target then promoted without force; a split brain threw its writes away',
  },
  {
    scenario: 'equipped',
    seed: 300013,
    found:
      'of a mirror set’s asynchronous copy one disk failed, and writes that had waited for their range went to the other behind a barrier that it had not kept',
  },
  {
    scenario: 'standalone',
    seed: 143,
    found:
      'the loser of a split brain was invalidated before its copy was over, and the journal forgot what it had changed',
  },
  {
    scenario: 'standalone',
    seed: 300018,
    found:
      'copies between two replicas that had crashed were cut short again and again, and meanwhile not even their source could be promoted without force',
  },
  {
    scenario: 'standalone',
    seed: 301236,
    found:
      'a process that had stood still passed on late that a write was on the source in time, which the checker took for one of an ended term',
  },
  {
    scenario: 'standalone',
    seed: 301766,
    found:
      'a frozen primary met its survivor, which had been promoted without force and had crashed since; the policy threw away what was written there',
  },
  {
    scenario: 'equipped',
    seed: 301140,
    found:
      'a blank disk was attached under its primary, and its rebuilding cut short; what it did not have yet was called altered, by the checksums of the disk before',
  },
  {
    scenario: 'equipped',
    seed: 301277,
    found:
      'an asynchronous primary went ahead of a peer when a path was lost, as its policy has it, and the trial took that for a session that did not survive',
  },
  {
    scenario: 'standalone',
    seed: 1787277,
    found:
      'a primary that waited for its peer crashed in the moment of its return, under a name of its own; the policy threw away what its survivor wrote then',
  },
  {
    scenario: 'halves',
    seed: 271,
    found:
      'a half that gave way, whose service had just been started anew, took itself for idle; its log was put back while its application ran',
  },
  {
    scenario: 'equipped',
    seed: 1786091,
    found:
      'an altered block whose sectors take no writes any more was healed in another place, and the checker looked at the old one',
  },
  {
    scenario: 'equipped',
    seed: 4000642,
    found:
      'a write to a block that it had remapped was answered before the table named the new place, and was gone when the process died',
  },
  {
    scenario: 'equipped',
    seed: 4000923,
    found:
      'a secondary with third replicas whose activity log was full waited for ever: a flush that let nothing go was the last one that it asked for, and what it took over at the end of a copy stayed as long as the writes that waited behind it',
  },
  {
    scenario: 'equipped',
    seed: 1786134,
    found:
      'who was promoted after a growth that was cut short showed the new size while a member of the set was smaller; and that a primary showed the old size was taken for the word on the new one, which was just being written',
  },
  {
    scenario: 'mirror',
    seed: 6017014,
    found:
      'a copy went on to its end although the disk of its source, the primary, had failed: what was written from then on was left for the copy to bring, and the target came into the set without it',
  },
  {
    scenario: 'mirror',
    seed: 6004082,
    found:
      'a member of the set was lost and met again while the loss of another was undecided: it became a target, was promoted to be the only member, and could not serve',
  },
  {
    scenario: 'equipped',
    seed: 4002006,
    found:
      'a volume grew while a copy to a replica was being opened, which was not told of it, came into the set, and got writes for places that it had not',
  },
  {
    scenario: 'equipped',
    seed: 6009029,
    found:
      'a growth was cut short while its primary stayed connected with those that had made it already: no meeting told it of them, and it was smaller for ever',
  },
  {
    scenario: 'standalone',
    seed: 6012088,
    found:
      'a primary that was killed when it had just met a peer that had lost power was overwritten from there: the peer did not count as restarted any more, and an acknowledged write was gone',
  },
  {
    scenario: 'standalone',
    seed: 7200123,
    found:
      'the first promotion died with its process before anything of it was durable: the operator never forced it again, and both replicas stayed new',
  },
  {
    scenario: 'standalone',
    seed: 505,
    found:
      'a term was made durable at a peer that it took into the set, and nowhere else: both were sure of themselves afterwards, and served apart',
  },
  {
    scenario: 'standalone',
    seed: 6011146,
    found:
      'a replica was given up while the word was on its way to it that the disk of the primary had failed: nobody had everything any more',
  },
  {
    scenario: 'fencing',
    seed: 14,
    found:
      'a fence was confirmed when the node was on again and ran its groups in a new life, which that was held against: they ran on both nodes',
  },
  {
    scenario: 'cluster',
    seed: 3,
    found: 'a crashed primary came back and overwrote the replica that had everything',
  },
  {
    scenario: 'large',
    seed: 1,
    found: 'nothing yet: nine nodes, of whom each round of heartbeats goes to half',
  },
  {
    scenario: 'orders',
    seed: 2,
    found: 'nothing yet: replicas and nodes come and go by order, and the file systems under the logs hang',
  },
  {
    scenario: 'orders',
    seed: 3200213,
    found:
      'a node that was told to stop before its log was open forgot it, was given the group, and stopped by force at the end of its time',
  },
  {
    scenario: 'halves',
    seed: 3200603,
    found:
      'a replica was promoted when a copy into it was about to begin, lost a split brain, and what it had written was kept nowhere: the rescue point of the first copy was taken for that of the second',
  },
  {
    scenario: 'halves',
    seed: 4200705,
    found:
      'a half whose disk had failed took the term and set of the one that served when they met: with its disk again it seemed to have given way, and was overwritten without a word of the split brain',
  },
  {
    scenario: 'mirror',
    seed: 9106132,
    found:
      'writes that trailed to a peer which had become equal, and was lost before it had them, kept their extents hot for ever: when the activity log had no room left, a write waited for good',
  },
  {
    scenario: 'pair',
    seed: 3201413,
    found:
      'a replica came into the set after its holder had lost power and got an older disk, and was overwritten from there: the checker expected it to keep everything',
  },
  {
    scenario: 'equipped',
    seed: 6000042,
    found: 'what a verify had marked was to be copied by itself, which nobody had asked for',
  },
  {
    scenario: 'equipped',
    seed: 6009014,
    found:
      'a secondary repaired a block from its primary, whose disk had failed and lacked what was written since: one disk of its mirror set could still be read',
  },
  {
    scenario: 'equipped',
    seed: 6018012,
    found:
      'a disk that failed ended the term, and what was answered by that was written all the same, from memory that held something else by then',
  },
  {
    scenario: 'members',
    seed: 27,
    found: 'a node left a pair whose tie-breaker needs a proof, and the other waited for it for ever',
  },
  {
    scenario: 'members',
    seed: 34,
    found: 'a machine that had been removed silenced the heart of the one that had its name then',
  },
  {
    scenario: 'members',
    seed: 67,
    found: 'a leader that was removing itself crashed, and nobody could be elected',
  },
  {
    scenario: 'members',
    seed: 149,
    found:
      'a primary that was started when a replica had been taken out told its secondary of no settled write, and left bits between members',
  },
  {
    scenario: 'members',
    seed: 219,
    found: 'the tie-breaker of a pair went on as that of another, which could not use it',
  },
  {
    scenario: 'members',
    seed: 635,
    found:
      'a node was off while the leader was replaced by a machine of its name; it looked for that one where the removed one ran on, and followed nobody',
  },
  {
    scenario: 'members',
    seed: 528,
    found:
      'the only process that had applied a change was killed, and the operator of the simulator went back to what he had wanted before',
  },
  {
    scenario: 'members',
    seed: 696,
    found:
      'a tie-breaker of which half had been overwritten by its successor voted in the eyes of the checker of majorities',
  },
  {
    scenario: 'members',
    seed: 810,
    found:
      'a machine that had been removed was taken for the owner that had its name and was dead, and nobody took over',
  },
  {
    scenario: 'members',
    seed: 780,
    found:
      'a machine that had been removed was copied to in the place of its silent successor, and the in-sync set named that one',
  },
  {
    scenario: 'members',
    seed: 953,
    found:
      'likewise, and all other replicas were taken out then: nobody could serve what had been acknowledged',
  },
  {
    scenario: 'members',
    seed: 11000017,
    found:
      'the leader of a pair that prefers availability had the removal of the tie-breaker in its log, the other node lost power before it heard of that, and neither ever led again',
  },
  {
    scenario: 'members',
    seed: 88,
    found: 'likewise, in the course that this seed takes since every start reads who was left out',
  },
  {
    scenario: 'members',
    seed: 13200012,
    found:
      'the leader of a pair that had taken the tie-breaker, the other being fenced, was to leave and removed itself: back from a power loss it gave the tie-breaker up, and neither could ever lead again',
  },
  {
    scenario: 'members',
    seed: 13302038,
    found:
      'a new machine met a replica that had met the former one, and was filled by a third that had not: alone in the set, it was refused for ever as one that was put back',
  },
  {
    scenario: 'members',
    seed: 13303047,
    found:
      'a third replica came into the configuration while a member was down that had crashed as primary: of what that one had written last nothing was marked for it, and the two were called equal and differed',
  },
  {
    scenario: 'equipped',
    seed: 7300276,
    found:
      'two faults of one path overlapped, and what the first had made of it was put back when the second ended: it changed bytes for ever',
  },
  {
    scenario: 'standalone',
    seed: 9112051,
    found:
      'the source of a copy told its target of its new term and died before it had that itself: neither could go on with the copy, and only force promoted either',
  },
  {
    scenario: 'standalone',
    seed: 9511046,
    found:
      'only the simulator’s: a volume that is open without its rescue journal had said that what it kept cannot be gone back to, and what a split brain had lost was looked for in vain',
  },
  {
    scenario: 'mirror',
    seed: 9516089,
    found:
      'a disk was put back to long ago, and had no generation in common any more with one that had lost and met a third one 32 times and more since: they refused each other until one was invalidated',
  },
  {
    scenario: 'standalone',
    seed: 9502066,
    found:
      'only the simulator’s: the only member of the set lost its power, and an acknowledgement of its, which a slow line brought later, was taken for a promise that could be kept',
  },
  {
    scenario: 'mirror',
    seed: 9609145,
    found:
      'a replica that was copied to took over what the source counted for a third one, without what that one had been sent and never had: promoted, it copied only a part to it, and had it in the set without an acknowledged write',
  },
  {
    scenario: 'mirror',
    seed: 9800444,
    found:
      'only the simulator’s: its own looks at hundreds of requests that a disk lets hang were counted as steps of a livelock',
  },
  {
    scenario: 'mirror',
    seed: 9802817,
    found:
      'a blank disk was copied to by a replica that was away; when that one was copied to itself it counted for the disk what its source had counted for the one before: they were to become equal by a part of what differed',
  },
  {
    scenario: 'mirror',
    seed: 9806378,
    found:
      'a primary without room refused a write that its peers took, and handed over before it had met them anew: as their equal it gave up what it counted for all but its successor',
  },
  {
    scenario: 'equipped',
    seed: 9806124,
    found:
      'only the simulator’s: its operator went away when of several replicas one had begun the repair that he asked for, and another was busy',
  },
  {
    scenario: 'mirror',
    seed: 9904802,
    found:
      'a primary without room refused a write that one of its peers took while the other was away: that one came back, was called equal beside the first, and neither counted for the other any more',
  },
  {
    scenario: 'equipped',
    seed: 10112010,
    found: 'only the simulator’s: a disk that its operator wanted back before it was out stayed out',
  },
  {
    scenario: 'mirror',
    seed: 10204488,
    found:
      'only the simulator’s: a disk was put back to yesterday’s while a primary that stood still had not noticed its loss, and took it into the set as it had been when a copy to it was over',
  },
  {
    scenario: 'standalone',
    seed: 20009799,
    found:
      'only the simulator’s: a replica was promoted whose peer had lost its power, and lost its own before a flush: what it had shown meanwhile was taken for what no power cut can take',
  },
  {
    scenario: 'halves',
    seed: 13809059,
    found:
      'a peer became equal while a new term made its name: it took the name, and nobody heard; when it was lost the primary wrote on under the name that both had, and what it had written counted as an older state of what the peer wrote then: it was overwritten, and not kept',
  },
  {
    scenario: 'members',
    seed: 13805005,
    found:
      'a replica was taken out, and its primary lost before it could propose the set without it; another machine of that name came, and was in the set with an empty disk',
  },
  {
    scenario: 'standalone',
    seed: 20056709,
    found:
      'only the simulator’s: a write that a power cut had taken from one replica was taken for covered by a flush of the other, which was promoted later',
  },
  {
    scenario: 'members',
    seed: 16000055,
    found:
      'a leader removed itself from a pair with a tie-breaker on a disk: while the other was heard nothing reached the tie-breaker, and without it the removal could not be committed; when the other was lost it held what that one had never got, who could not lead when it was back: the log stood still for ever',
  },
  {
    scenario: 'halves',
    seed: 16200022,
    found:
      'only the simulator’s: clients that came with a switch-over after the end of all work, and so never began, counted as clients whose operations never return',
  },
  {
    scenario: 'members',
    seed: 71012,
    found:
      'a voter lost its log 120 ms before another one was removed: who stays was believed to be there for a second after it had answered last, and the removal could neither be committed nor undone',
  },
  {
    scenario: 'cluster',
    seed: 16503471,
    found:
      'a primary lost its power before it heard that the replica which it had proposed was in the set, and copied to that one what the crash had left, while the log had it promoted',
  },
  {
    scenario: 'members',
    seed: 17001008,
    found:
      'only the simulator’s: its operator ruined for good the only node that had everything, 1 ms before it was committed that the other one, whose link was just lost, was out of the set',
  },
  {
    scenario: 'orders',
    seed: 17205047,
    found:
      'a service that was killed while its node was being stopped went on in the same life of the node, which the cluster gave nothing more; in the program only where it was not the launcher that asked it to leave',
  },
];
