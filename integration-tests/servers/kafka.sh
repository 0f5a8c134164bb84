# shellcheck shell=bash disable=SC2034,SC2154 # one program with brokers, which checks it all
# Apache Kafka from its Maven artefacts: there is no Debian package, and the archive that the
# project publishes is on no package registry.

kafka_ports="BROKERS_KAFKA_PORT BROKERS_KAFKA_CONTROLLER_PORT"
kafka_files=$servers/kafka
kafka_version=$(sed -n 's|.*<kafka.version>\(.*\)</kafka.version>.*|\1|p' "$kafka_files/pom.xml")
# Named by the pom's content too, so that a change of it is not met by yesterday's jars.
kafka_jars=$cache/kafka-$kafka_version-$(cksum <"$kafka_files/pom.xml" | cut -d ' ' -f 1)

kafka_java() {
  local java=${JAVA_HOME:+$JAVA_HOME/bin/}java
  [[ $("$java" -XX:-UsePerfData -version 2>&1) =~ version\ \"([0-9]+) ]] && ((BASH_REMATCH[1] >= 17)) && echo "$java"
}

kafka_fetch() {
  local missing=()
  kafka_java >/dev/null || missing+=(default-jre-headless)
  [ -d "$kafka_jars" ] || command -v mvn >/dev/null || missing+=(maven)
  [ ${#missing[@]} -eq 0 ] || install "${missing[@]}"
  kafka_java >/dev/null || fail "Kafka needs Java 17 or later: set JAVA_HOME to one"
  [ ! -d "$kafka_jars" ] || return 0
  say "fetching Kafka $kafka_version with Maven"
  # A repository of its own leaves the user's alone; the user's settings still apply.
  rm -rf "$kafka_jars.partial" # an interrupted copy, of which Maven would keep the halves
  MAVEN_OPTS="${MAVEN_OPTS:-} -XX:-UsePerfData" mvn --batch-mode --quiet --file "$kafka_files/pom.xml" \
    "-Dmaven.repo.local=$cache/maven" dependency:copy-dependencies \
    -DincludeScope=runtime "-DoutputDirectory=$kafka_jars.partial" \
    </dev/null >"$cache/maven.log" 2>&1 9>&- || fail_with "$cache/maven.log" "Maven could not fetch Kafka"
  mv "$kafka_jars.partial" "$kafka_jars"
}

kafka_start() { # DIR
  local dir=$1 broker=127.0.0.1:$BROKERS_KAFKA_PORT controller=127.0.0.1:$BROKERS_KAFKA_CONTROLLER_PORT
  local java=("$(kafka_java)" -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData
    "-Dlog4j2.configurationFile=$kafka_files/log4j2.properties" -cp "$kafka_jars/*")
  {
    cat "$kafka_files/server.properties"
    echo "listeners=PLAINTEXT://$broker,CONTROLLER://$controller"
    echo "advertised.listeners=PLAINTEXT://$broker"
    # Static voters: with them, formatting needs to know nothing else.
    echo "controller.quorum.voters=1@$controller"
    echo "log.dirs=$dir/data"
  } >"$dir/server.properties"
  # Any base64 of 16 bytes. A broker that was killed keeps its data.
  env "$mark=$dir" "${java[@]}" kafka.tools.StorageTool format --ignore-formatted --cluster-id MDEyMzQ1Njc4OWFiY2RlZg \
    --config "$dir/server.properties" </dev/null >"$dir/log" 2>&1 9>&- || return 1
  launch "$dir" "${java[@]}" kafka.Kafka "$dir/server.properties"
}
