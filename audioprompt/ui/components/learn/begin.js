() => {
    audioprompt.reveal('learn-answer');
    return __WAITING__;
}
