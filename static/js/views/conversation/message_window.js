// Which part of a timeline is in the page. Independent of the page itself.
const ROWS_MAX = 300;
const ROWS_AT_END = 100;
const STEP = 50;

export class MessageWindow {
  /** Seqs of the first and last message in the page; nothing while `to` is less than `from`. */
  from = 1;
  to = 0;

  showsEnd(timeline) {
    return timeline.atEnd && this.to >= timeline.last;
  }

  /** Whether the next step up or down needs messages that are not loaded. */
  needsOlder(timeline) {
    return this.from - STEP < timeline.first;
  }

  needsNewer(timeline) {
    return this.to + STEP > timeline.last;
  }

  /** Where a chat opens: from some messages before its first unread one, or at its end. */
  place(timeline, firstUnread) {
    this.to = firstUnread ? Math.min(timeline.last, firstUnread + ROWS_AT_END - 1) : timeline.last;
    this.from = Math.max(timeline.first, (firstUnread ?? this.to) - ROWS_AT_END + 1);
  }

  /** After the timeline changed. At the end few rows are kept, so that each frame is cheap. */
  update(timeline, { followsEnd }) {
    if (followsEnd && timeline.atEnd) this.to = timeline.last;
    else if (this.to - this.from + 1 < ROWS_MAX) this.to = Math.min(timeline.last, this.from + ROWS_MAX - 1);
    if (followsEnd && this.to - this.from >= ROWS_AT_END + STEP) this.from = this.to - ROWS_AT_END + 1;
  }

  stepUp(timeline) {
    this.from = Math.max(timeline.first, this.from - STEP);
    this.to = Math.min(this.to, this.from + ROWS_MAX - 1);
  }

  stepDown(timeline) {
    this.to = Math.min(timeline.last, this.to + STEP);
    this.from = Math.max(this.from, this.to - ROWS_MAX + 1);
  }

  jumpToEnd(timeline) {
    this.to = timeline.last;
    this.from = Math.max(timeline.first, this.from, this.to - ROWS_AT_END + 1);
  }

  /** Moves only if the message is not in the page already. */
  jumpTo(timeline, seq) {
    const isShown = seq >= this.from && seq <= this.to;
    this.from = Math.max(timeline.first, isShown ? this.from : seq - STEP);
    this.to = Math.min(timeline.last, isShown ? this.to : seq + STEP);
  }
}
