package sesame.bench.scoring;

/** What a person's side tells a peer. */
record Said(String receiver, boolean active, boolean wantsReply, boolean erased) {
  static Said active(String receiver, boolean active) {
    return new Said(receiver, active, false, false);
  }

  static Said erased(String receiver) {
    return new Said(receiver, false, false, true);
  }
}
