package sesame.bench.scoring;

/** The input topics and their records. */
public enum Input {
  CONSENTS("consents", "Consent"),
  PAYMENTS("payments", "Payment"),
  CONSUMPTION("consumption", "Consumption"),
  OBLIGATIONS("obligations", "Obligation"),
  PROFILES("profiles", "Profile"),
  RELATIONSHIPS("relationships", "Relationship"),
  PEER_SIGNALS("peer-signals", "PeerSignal");

  private final String topic;
  private final String record;

  Input(String topic, String record) {
    this.topic = topic;
    this.record = record;
  }

  /** The topic's name without prefix. */
  public String topic() {
    return topic;
  }

  /** Whether its events move the watermark: consents and signals do not. */
  public boolean isData() {
    return this != CONSENTS && this != PEER_SIGNALS;
  }

  String record() {
    return record;
  }
}
