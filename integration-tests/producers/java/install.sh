# shellcheck shell=bash disable=SC2034,SC2154 # one program with send, which checks it all
# The producer in Java, with the jars in pom.xml, and OpenTelemetry's agent beside them.

java_files=$(named_for java "$producers/java/pom.xml" "$producers/java/Producer.java")

java_program() { # java|javac
  local program=${JAVA_HOME:+$JAVA_HOME/bin/}$1
  # javac names its version "javac 17", java says `version "17`.
  [[ $("$program" -version 2>&1) =~ (javac |version \")([0-9]+) ]] && ((BASH_REMATCH[2] >= 17)) && echo "$program"
}

java_complete() { [ -d "$java_files" ] && java_program java >/dev/null; }

java_install() {
  local missing=() log=$made/java.log partial=$java_files.partial
  why_install="no Java 17 or later with javac, or no Maven" no_way="put them on the PATH"
  java_program javac >/dev/null || missing+=(default-jdk-headless)
  command -v mvn >/dev/null || missing+=(maven)
  [ ${#missing[@]} -eq 0 ] || install "${missing[@]}"
  java_program javac >/dev/null || fail "the producer in Java needs Java 17 or later: set JAVA_HOME to one"
  [ ! -d "$java_files" ] || return 0
  say "fetching the jars of integration-tests/producers/java with Maven"
  rm -rf "$partial"
  # The repository of the brokers: it has Kafka's client.
  MAVEN_OPTS="${MAVEN_OPTS:-} -XX:-UsePerfData" mvn --batch-mode --quiet --file "$producers/java/pom.xml" \
    "-Dmaven.repo.local=$cache/maven" dependency:copy-dependencies -DincludeScope=runtime \
    "-DoutputDirectory=$partial/jars" </dev/null >"$log" 2>&1 9>&- || fail_with "$log" "Maven could not fetch the jars"
  mv "$partial"/jars/opentelemetry-javaagent-*.jar "$partial/agent.jar"
  "$(java_program javac)" -J-XX:-UsePerfData --release 17 -d "$partial/classes" -cp "$partial/jars/*" \
    "$producers/java/Producer.java" >"$log" 2>&1 9>&- || fail_with "$log" "javac failed"
  mv "$partial" "$java_files"
}

java_send() { # ADDRESS DESTINATION MISTAKE COUNT
  local agent=("-javaagent:$java_files/agent.jar" -Dotel.javaagent.logging=none
    -Dotel.traces.exporter=none -Dotel.metrics.exporter=none -Dotel.logs.exporter=none
    # The others would cost each run seconds, and find nothing to instrument.
    -Dotel.instrumentation.common.default-enabled=false -Dotel.instrumentation.opentelemetry-api.enabled=true
    -Dotel.instrumentation.kafka.enabled=true -Dotel.instrumentation.rabbitmq.enabled=true)
  case $3 in
    good | b3 | b3multi | jaeger | xray | no-propagator | unsampled) ;;
    not-instrumented) agent=() ;;
    *) fail "Java has no mistake $3" ;;
  esac
  exec "$(java_program java)" -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -XX:-PrintWarnings \
    "${agent[@]}" -cp "$java_files/classes:$java_files/jars/*" Producer "$1" "$2" "$4"
}
