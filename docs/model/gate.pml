/* Sleeping and waking (src/ring/gate.rs, G1 to G6), one gate, on a machine whose processors have
 * store buffers: a store is seen by others some time later, in the order of the stores of one
 * processor (TSO). Loads see the own buffer first. Machines that reorder more than that, as AArch64
 * does, are the matter of the models of loom alone.
 *
 * PRODUCERS publish RECORDS records each; the consumer sleeps whenever it finds nothing. No
 * clock ends a sleep, so a wake that is lost is a state in which nobody can go on ("invalid end
 * state").
 *
 *     docs/model/run              all of them, with what must hold and what must fail
 *
 * -DMEMBARRIER    the light fence is nothing, the heavy one drains everybody's buffer
 *                 (else both drain the own one)
 * -DNO_LIGHT      no light fence                            must fail
 * -DNO_HEAVY      no heavy fence                            must fail
 * -DNO_RECHECK    no second look behind the heavy fence     must fail
 * -DNO_EXPECT     the kernel does not compare the word      must fail
 * -DOTHERS_FIRST  the others' buffers are drained before the own one: must fail
 * -DLATE_PUBLISH  the waker looks before it publishes       must fail
 */

#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef RECORDS
#define RECORDS 2
#endif
#define TOTAL (PRODUCERS * RECORDS)
#define CONSUMER PRODUCERS
#define THREADS (PRODUCERS + 1)

/* Words. Record n of producer p is one word: 0 is "not yet". */
#define PARKED TOTAL
#define ANSWERED (TOTAL + 1)
#define WORDS (TOTAL + 2)

byte memory[WORDS];

/* Store buffers: two entries are as many as one thread has between two fences. */
#define DEPTH 2
typedef Buffer { byte at[DEPTH]; byte value[DEPTH]; byte length };
Buffer buffers[THREADS];

bool asleep = false;
byte consumed = 0;
byte wakes = 0;
byte parks = 0;

inline drain_one(who) {
  d_step {
    memory[buffers[who].at[0]] = buffers[who].value[0];
    buffers[who].at[0] = buffers[who].at[1];
    buffers[who].value[0] = buffers[who].value[1];
    buffers[who].at[1] = 0;
    buffers[who].value[1] = 0;
    buffers[who].length--
  }
}

/* The machine writes a buffered store to memory, whenever it likes. */
active [THREADS] proctype processor() {
  byte who = _pid;
end:
  do
  :: atomic { buffers[who].length > 0 -> drain_one(who) }
  od
}

inline store(who, where, what) {
  atomic {
    buffers[who].length < DEPTH;
    buffers[who].at[buffers[who].length] = where;
    buffers[who].value[buffers[who].length] = what;
    buffers[who].length++
  }
}

inline load(who, where, into) {
  d_step {
    into = memory[where];
    if
    :: buffers[who].length > 0 && buffers[who].at[0] == where -> into = buffers[who].value[0]
    :: else
    fi;
    if
    :: buffers[who].length > 1 && buffers[who].at[1] == where -> into = buffers[who].value[1]
    :: else
    fi
  }
}

inline full_fence(who) {
  buffers[who].length == 0
}

inline light_fence(who) {
#if !defined(NO_LIGHT) && !defined(MEMBARRIER)
  full_fence(who)
#else
  skip
#endif
}

inline heavy_fence(who) {
#ifdef NO_HEAVY
  skip
#else
#ifdef MEMBARRIER
  /* The kernel makes a full fence, and then interrupts one processor after the other. */
#ifndef OTHERS_FIRST
  full_fence(who);
#endif
  byte other = 0;
  do
  :: other < THREADS -> full_fence(other); other++
  :: else -> break
  od;
  other = 0
#else
  full_fence(who)
#endif
#endif
}

/* G4. An exchange drains the buffer of who makes it, as on x86. */
inline answer(who, parked) {
  byte answered;
  load(who, ANSWERED, answered);
  do
  :: parked <= answered -> break
  :: else ->
    atomic {
      buffers[who].length == 0;
      if
      :: memory[ANSWERED] == answered -> memory[ANSWERED] = parked; answered = parked
      :: else -> answered = memory[ANSWERED]; parked = (parked <= answered -> 0 : parked)
      fi
    }
    if
    :: parked != 0 && answered == parked -> atomic { asleep = false; wakes++ }; break
    :: else
    fi
  od
}

proctype producer(byte me) {
  byte known = 0;
  byte parked;
  byte number = 0;
  do
  :: number < RECORDS ->
#ifndef LATE_PUBLISH
    store(me, me * RECORDS + number, 1);
#endif
    light_fence(me);
    load(me, PARKED, parked);
#ifdef LATE_PUBLISH
    store(me, me * RECORDS + number, 1);
#endif
    if
    :: parked != known -> known = parked; answer(me, parked)
    :: else
    fi;
    number++
  :: else -> break
  od
}

inline look() {
  /* Whatever is there: the order of records is another matter. */
  byte word = 0;
  found = false;
  do
  :: word < TOTAL ->
    if
    :: !taken[word] -> load(CONSUMER, word, seen); if :: seen == 1 -> taken[word] = true; found = true; consumed++ :: else fi
    :: else
    fi;
    word++
  :: else -> break
  od;
  word = 0;
  seen = 0
}

proctype consumer() {
  bool taken[TOTAL];
  bool found;
  byte seen;
  byte expected;
  byte parked;
  do
  :: consumed == TOTAL -> break
  :: else ->
    look();
    if
    :: found
    :: else ->
      /* G1 */
      load(CONSUMER, ANSWERED, expected);
      load(CONSUMER, PARKED, parked);
      if
      :: parked < expected + 1 -> store(CONSUMER, PARKED, expected + 1); parks++
      :: else
      fi;
      heavy_fence(CONSUMER);
#ifndef NO_RECHECK
      look();
#endif
      if
      :: found
      :: else ->
        /* The kernel compares and puts to sleep in one step. */
        if
#ifdef NO_EXPECT
        :: atomic { asleep = true }
#else
        :: atomic { memory[ANSWERED] == expected -> asleep = true }
        :: memory[ANSWERED] != expected
#endif
        fi;
        !asleep
      fi
    fi
  od;
  /* G4: one wake for each sleep at most. */
  assert(wakes <= parks)
}

init {
  byte who = 0;
  atomic {
    do
    :: who < PRODUCERS -> run producer(who); who++
    :: else -> break
    od;
    run consumer()
  }
}
