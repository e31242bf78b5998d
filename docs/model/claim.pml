/* Claiming, dying and repairing (src/ring/mpsc/producer.rs, src/ring/recover.rs, M1 to M4), on a
 * machine whose processors have store buffers (TSO, as in gate.pml).
 *
 * PRODUCERS claim CLAIMS times each, one or two units of the ring at a time, whose units are
 * header words; each may be killed between any two steps. The payload of a record of two units
 * looks like a header. The consumer goes past records, and past claims of dead producers, by
 * what the slots say. It must go past exactly what was claimed, never past a committed record, never past a
 * living producer's claim, and never stop for ever while there is something behind.
 *
 * A kill is an interrupt: what the dead one stored is seen, in order, and its lock is free only
 * when all of it is.
 *
 *     docs/model/run              all of them, with what must hold and what must fail
 *
 * -DNO_INTENT      the intent is stored behind the exchange              must fail
 * -DNO_MARK        no mark behind the exchange                           must fail
 * -DLATE_SIZE      the size is stored behind the exchange                must fail
 * -DTRUST_ALIVE    a candidate that lives is not waited for              must fail
 * -DANY_END        of several dead ones any is taken                     must fail
 * -DFREE_EARLY     a dead one's stores are seen after its lock is free   must fail
 */

#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef CLAIMS
#define CLAIMS 2
#endif
#define UNITS (PRODUCERS * CLAIMS * 2)
/* The most that one producer has stored and nobody has seen. */
#define DEPTH 6

#define TAIL 0
#define SIZE(p) (1 + 3 * (p))
#define INTENT(p) (2 + 3 * (p))
#define CLAIMED(p) (3 + 3 * (p))
#define HEADER(unit) (1 + 3 * PRODUCERS + (unit))
#define WORDS (2 + 3 * PRODUCERS + UNITS)
#define LOOKS_LIKE_A_HEADER 1

byte memory[WORDS];
typedef Buffer { byte at[DEPTH]; byte value[DEPTH]; byte length };
Buffer buffers[PRODUCERS];

/* What the model knows and the program does not: who claimed what, and whether it committed. */
byte owner[UNITS + 1];
byte size_of[UNITS + 1];
bool is_committed[UNITS + 1];
bool is_killed[PRODUCERS];
bool is_dead[PRODUCERS];
bool is_done[PRODUCERS];
/* Something was stored, or somebody died, since the consumer began to look. */
bool has_changed;

active [PRODUCERS] proctype processor() {
  byte who = _pid;
  byte i;
end:
  do
  :: d_step {
      buffers[who].length > 0 ->
      memory[buffers[who].at[0]] = buffers[who].value[0];
      i = 1;
      do
      :: i < DEPTH -> buffers[who].at[i - 1] = buffers[who].at[i];
                      buffers[who].value[i - 1] = buffers[who].value[i]; i++
      :: else -> break
      od;
      buffers[who].at[DEPTH - 1] = 0;
      buffers[who].value[DEPTH - 1] = 0;
      buffers[who].length--;
      i = 0;
      has_changed = true
    }
  od
}

inline store(where, what) {
  atomic {
    assert(buffers[me].length < DEPTH);
    buffers[me].at[buffers[me].length] = where;
    buffers[me].value[buffers[me].length] = what;
    buffers[me].length++
  }
}

/* Committed is what was stored: it will be seen. */
inline store_header() {
  atomic {
    assert(buffers[me].length < DEPTH);
    buffers[me].at[buffers[me].length] = HEADER(start);
    buffers[me].value[buffers[me].length] = size;
    buffers[me].length++;
    is_committed[start] = true
  }
}

proctype producer(byte me) {
  byte claims = 0;
  byte size;
  byte start;
  {
  skip;
claim:
    atomic {
      if
      :: claims == CLAIMS -> goto over
      :: claims < CLAIMS && size == 0 -> size = 1
      :: claims < CLAIMS && size == 0 -> size = 2
      fi;
#ifndef LATE_SIZE
      store(SIZE(me), size)
#endif
    }
    start = memory[TAIL];
again:
#ifndef NO_INTENT
    store(INTENT(me), start + 1);
#endif
    /* The exchange drains the buffer, as on x86. */
    atomic {
      buffers[me].length == 0 ->
      if
      :: memory[TAIL] == start ->
        memory[TAIL] = start + size;
        owner[start] = me;
        size_of[start] = size;
        has_changed = true
      :: else -> start = memory[TAIL]; goto again
      fi
    }
#ifdef NO_INTENT
    store(INTENT(me), start + 1);
#endif
#ifdef LATE_SIZE
    store(SIZE(me), size);
#endif
#ifndef NO_MARK
    store(CLAIMED(me), start + 1);
#endif
    atomic {
      if
      :: size == 2 -> store(HEADER(start + 1), LOOKS_LIKE_A_HEADER)
      :: else
      fi
    }
    atomic {
      store_header();
      claims++;
      size = 0;
      start = 0;
      goto claim
    }
  } unless { is_killed[me] };
  atomic { is_dead[me] = true; is_done[me] = true; size = 0; start = 0; claims = 0; has_changed = true };
  goto gone;
over:
  atomic { is_done[me] = true; claims = 0; has_changed = true };
gone:
  skip
}

/* Kills some of them, at any moment. */
proctype killer() {
  byte who = 0;
  do
  :: who == PRODUCERS -> break
  :: who < PRODUCERS -> is_killed[who] = true; who++
  :: who < PRODUCERS -> who++
  od
}

/* Takes the lock of a dead producer; what it has stored is seen by then. */
#ifdef FREE_EARLY
#define can_take(p) (is_dead[p])
#else
#define can_take(p) (is_dead[p] && buffers[p].length == 0)
#endif

/* Whether a claim starts there, as far as slots and headers say. */
#define starts_at(end) (memory[INTENT(0)] == (end) + 1 || memory[INTENT(PRODUCERS - 1)] == (end) + 1 \
  || (PRODUCERS > 2 && memory[INTENT(1)] == (end) + 1) || memory[HEADER(end)] != 0)

inline forget() {
  tail = 0;
  found = 0;
  candidates = 0;
  is_alive = false;
  p = 0;
  do
  :: p < PRODUCERS -> dead[p] = false; p++
  :: else -> break
  od;
  p = 0
}

/* What the consumer finds at its head: each step looks at one word of somebody else. */
proctype consumer() {
  byte head = 0;
  byte tail;
  byte p;
  byte found;
  byte candidates;
  bool dead[PRODUCERS];
  bool is_alive;
look:
  atomic {
    has_changed = false;
    if
    :: memory[HEADER(head)] != 0 ->
      assert(is_committed[head] && memory[HEADER(head)] == size_of[head]);
      head = head + memory[HEADER(head)];
      goto look
    :: else
    fi
  }
  atomic {
    tail = memory[TAIL];
    if
    :: tail != head -> found = PRODUCERS
    :: else ->
      tail = 0;
      /* Over, when nobody will claim any more; else something must change first. */
      p = 0;
      do
      :: p < PRODUCERS && is_done[p] -> p++
      :: else -> break
      od;
      if
      :: p == PRODUCERS && memory[TAIL] == head -> goto over
      :: else -> p = 0; goto wait
      fi
    fi
  }
  do
  :: atomic { p < PRODUCERS ->
      dead[p] = false;
      if
      :: memory[INTENT(p)] == head + 1 -> candidates++; dead[p] = true
      :: else
      fi;
      p++
    }
  :: atomic { p == PRODUCERS -> p = 0; break }
  od;
  do
  :: atomic { p < PRODUCERS ->
      if
      :: dead[p] && !can_take(p) -> is_alive = true; dead[p] = false
      :: else
      fi;
      p++
    }
  :: atomic { p == PRODUCERS -> p = 0; break }
  od;
  /* Dead ones do not change any more. A mark decides. */
  atomic {
    do
    :: p < PRODUCERS ->
      if
      :: dead[p] && memory[CLAIMED(p)] == head + 1 -> found = p
      :: else
      fi;
      p++
    :: else -> break
    od;
    p = 0;
    if
#ifndef TRUST_ALIVE
    :: found == PRODUCERS && is_alive -> forget(); goto wait
#endif
    :: else
    fi
  }
  /* Without a mark: the nearest end of a dead one at which a claim starts. */
  if
  :: found == PRODUCERS ->
    do
    :: atomic { p < PRODUCERS ->
        if
        :: dead[p] && memory[INTENT(p)] == head + 1 &&
#ifndef ANY_END
           (candidates == 1 || head + memory[SIZE(p)] == tail || starts_at(head + memory[SIZE(p)])) &&
#endif
           (found == PRODUCERS || memory[SIZE(p)] < memory[SIZE(found)]) -> found = p
        :: else
        fi;
        p++
      }
    :: atomic { p == PRODUCERS -> p = 0; break }
    od
  :: else
  fi;
  atomic {
    if
    :: memory[HEADER(head)] != 0
    :: else ->
      /* Somebody accounts for it: one who is dead, did not commit, and claimed exactly that. */
      assert(found < PRODUCERS);
      assert(!is_committed[head]);
      assert(is_dead[owner[head]]);
      assert(memory[SIZE(found)] == size_of[head]);
      head = head + memory[SIZE(found)]
    fi;
    forget();
    goto look
  }
wait:
  has_changed;
  goto look;
over:
  skip
}

init {
  byte who = 0;
  atomic {
    do
    :: who < PRODUCERS -> run producer(who); who++
    :: else -> break
    od;
    run killer();
    run consumer()
  }
}
